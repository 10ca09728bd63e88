"""How fast networks paint in one pass: `python benchmarks/onepass.py`.

Times are of the network alone, of a whole picture: looking and painting, without reading, writing or looking at the style, which
happens once per style. Both packaged networks paint with ONNX Runtime and with PyTorch in turns, in one run, so that a busy
machine is as hard on one as on another; of each the median counts, and its ratio to ONNX Runtime's.
"""

import statistics
import time
from collections.abc import Callable

import click

from impasto import examples, picture, styles
from impasto.feedforward.names import Floats
from impasto.feedforward.onepass import AnyStyle, FewStyles
from impasto.feedforward.painter import made_ready

STYLE = "starry"


def painter(kind: str, device: str, precision: str) -> Callable[[Floats], Floats]:
    """What paints with the packaged network of a ``kind``."""
    ready = made_ready(kind, None, device, precision)
    if kind == "fast":
        few = FewStyles(ready.engine, [float(name == STYLE) for name in ready.styles])
        return lambda content: few.paint(content)
    every = AnyStyle(ready.engine, [(1.0, picture.scale(picture.read(styles.path(STYLE)).picture, 512, enlarge=False))])
    return lambda content: every.paint(content)


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


@click.command()
@click.option("--size", "sizes", nargs=2, type=int, multiple=True, default=((512, 384), (3840, 2160)), show_default=True, help="Pixels.")
@click.option("--repeats", default=7, show_default=True, help="Of every measurement.")
@click.option("--device", help="Where PyTorch paints as well, such as cuda; without, bfloat16 on the CPU.")
def main(sizes: tuple[tuple[int, int], ...], repeats: int, device: str | None) -> None:
    """Measure with an example photograph and a packaged style."""
    other = (device, "auto") if device else ("cpu", "bfloat16")
    ways = {
        f"{kind}, {label}": painter(kind, *where)
        for kind in ("arbitrary", "fast")
        for label, where in (("ONNX Runtime", ("cpu", "float32")), (f"PyTorch, {' '.join(other)}", other))
    }
    for size in sizes:
        content = picture.read(examples.path("coffee")).resized(size).picture
        click.echo(f"{size[0]} x {size[1]}")
        for work in ways.values():
            work(content)  # to warm up
        found: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(repeats):
            for way, work in ways.items():
                found[way].append(seconds(lambda work=work, content=content: work(content)))  # type: ignore[misc]
        for way, times in found.items():
            middle, base = statistics.median(times), statistics.median(found[f"{way.split(',')[0]}, ONNX Runtime"])
            click.echo(f"  {way:<40}{middle:9.3f} s{1 / middle:9.2f} pictures/s{middle / base:8.2f} x ONNX Runtime's")


if __name__ == "__main__":
    main()
