"""What preparing a painter once is worth: `python benchmarks/prepared.py`.

For each method, in a process of its own: the seconds of the first painting, file to file, with all that is imported and loaded for it, and
of those that the same painter makes then. For a network that paints in one pass the latter are also set against what they can't do
without: its own time, and that of reading and writing the files. All are medians.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

REPEATS = 7


def timed(work: Callable[[], Any], repeats: int = REPEATS) -> float:
    """The median of the seconds that some ``work`` takes."""
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def measure(method: str, size: int) -> str:
    """The figures of a ``method`` at a ``size``, in a line."""
    began = time.perf_counter()
    from impasto import Painter, examples, picture

    content = examples.path("coffee")
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "painted.png")
        painter = Painter("starry", method=method, size=size)
        painted = painter(content, output)
        first = time.perf_counter() - began
        again = timed(lambda: painter(content, output), REPEATS if method == "arbitrary" else 2)
        line = f"{method:<12}{painted.width:>5} x {painted.height:<5}{first:8.2f} s first{again:8.3f} s then"
        if method != "arbitrary":
            return line
        from impasto.encoders.tensors import tensor

        opened = picture.read(content).resized(painted.size)
        pixels = tensor(opened.picture)
        network = timed(lambda: painter._prepared.network.paint(pixels, painter._prepared.styles))  # type: ignore[attr-defined]
        settings = picture.read_settings(output)
        read = timed(lambda: picture.read(content).resized(painted.size))
        write = timed(lambda: picture.save(opened.picture, output, settings=settings))
    needed = network + read + write
    return f"{line}; {again / needed:.2f} of network {network:.3f} s + reading {read:.3f} s + writing {write:.3f} s"


@click.command()
@click.option("--method", "methods", multiple=True, default=("arbitrary", "strokes", "impasto"), show_default=True)
@click.option("--size", default=512, show_default=True, help="Longest side, in pixels.")
@click.option("--here", is_flag=True, hidden=True)
def main(methods: tuple[str, ...], size: int, here: bool) -> None:
    """Measure on this machine, with an example photograph and a packaged style."""
    for method in methods:
        if here:
            click.echo(measure(method, size))
        else:
            subprocess.run([sys.executable, __file__, "--here", "--method", method, "--size", str(size)], check=True)


if __name__ == "__main__":
    main()
