"""How fast networks paint in one pass: `python benchmarks/onepass.py`.

Times are of the network alone, without reading, writing or describing the style, which happens once per style. The packaged
network paints in several variants, and beside it runs a plain reference: the network of Johnson et al. 2016, 32 channels wide,
with instance normalisation. All take turns in one run, so that a busy machine is as hard on one as on another; of each the
median counts, and its ratio to the reference.
"""

import statistics
import time
from collections.abc import Callable, Sequence

import click
import torch
from torch import Tensor

from impasto import examples, picture, styles
from impasto.encoders.devices import PRECISIONS, choose_device, choose_precision
from impasto.encoders.tensors import resize, scale, tensor
from impasto.feedforward import models, tiles
from impasto.feedforward.arbitrary import Arbitrary, Style
from impasto.feedforward.fast import Architecture, Fast
from impasto.feedforward.onepass import OnePass

REFERENCE = "reference"
KINDS = (("float32", torch.contiguous_format), ("float32", torch.channels_last), ("bfloat16", torch.channels_last))


def network(
    device: torch.device, precision: torch.dtype, layout: torch.memory_format, *, compiled: bool
) -> Callable[[Tensor, Style], Tensor]:
    """The packaged network in a variant."""
    made = models.read(models.packaged("arbitrary")).network
    assert isinstance(made, Arbitrary)
    made.precision = precision
    placed: Arbitrary = made.to(device, memory_format=layout)  # type: ignore[call-overload]
    return torch.compile(placed, dynamic=False) if compiled else placed


def variants(device: torch.device, style: Style, precisions: Sequence[str], *, compiled: bool) -> dict[str, Callable[[Tensor], Tensor]]:
    """What is timed, by name."""
    plain = Fast(Architecture(("none",), width=32)).eval().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    found: dict[str, Callable[[Tensor], Tensor]] = {REFERENCE: plain}
    for precision, layout in KINDS:
        for compile in ((False, True) if compiled else (False,)) if precision in precisions else ():
            way = network(device, PRECISIONS[precision], layout, compiled=compile)
            label = f"{precision}, {str(layout).removeprefix('torch.')}{', compiled' if compile else ''}"
            found[label] = lambda content, way=way, layout=layout: way(content.contiguous(memory_format=layout), style)  # type: ignore[misc]
    best = network(device, PRECISIONS[choose_precision("auto", device)], torch.channels_last, compiled=False)
    found[f"default, in tiles of {tiles.TILE}"] = lambda content: tiles.paint(best, content, style)  # type: ignore[arg-type]
    return found


def seconds(work: Callable[[], object], device: torch.device) -> float:
    """How long it takes, the device's own queue included."""
    began = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - began


@click.command()
@click.option("--size", "sizes", nargs=2, type=int, multiple=True, default=((512, 384), (3840, 2160)), show_default=True, help="Pixels.")
@click.option("--repeats", default=7, show_default=True, help="Of every measurement.")
@click.option("--device", default="cpu", show_default=True, help="Where to paint.")
@click.option("--precision", "precisions", multiple=True, default=tuple(PRECISIONS), type=click.Choice(sorted(PRECISIONS)), help="Only it.")
@click.option(
    "--compile/--no-compile", "compiled", default=True, show_default=True, help="The compiled variants, which take minutes to make."
)
@torch.no_grad()
def main(sizes: tuple[tuple[int, int], ...], repeats: int, device: str, precisions: tuple[str, ...], compiled: bool) -> None:
    """Measure with an example photograph and a packaged style."""
    where = choose_device(device)
    painter = OnePass(models.read(models.packaged("arbitrary")), where, torch.float32)
    painted = scale(tensor(picture.read(styles.path("starry")).picture), 512).to(where)
    times = [seconds(lambda: painter.describe(painted), where) for _ in range(repeats + 1)][1:]
    style = painter.describe(painted)
    name = torch.cuda.get_device_name(where) if where.type == "cuda" else f"{torch.get_num_threads()} threads"
    click.echo(f"{name}, torch {torch.__version__}; describing a style of 512 pixels, once: {statistics.median(times):.3f} s")
    ways = variants(where, style, precisions, compiled=compiled)
    for size in sizes:
        content = resize(tensor(picture.read(examples.path("coffee")).picture), size).to(where)
        click.echo(f"{size[0]} x {size[1]}")
        for way, work in list(ways.items()):
            try:
                work(content)  # to warm up
            except torch._dynamo.exc.TorchDynamoException as error:
                click.echo(f"  {way}: can't be compiled, {str(error).splitlines()[0]}")
                del ways[way]
        found: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(repeats):
            for way, work in ways.items():
                found[way].append(seconds(lambda work=work, content=content: work(content), where))  # type: ignore[misc]
        base = statistics.median(found[REFERENCE])
        for way, all_times in found.items():
            middle = statistics.median(all_times)
            click.echo(f"  {way:<44}{middle:9.4f} s{1 / middle:9.2f} pictures/s{middle / base:8.2f} x reference")


if __name__ == "__main__":
    main()
