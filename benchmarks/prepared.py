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


def timed(*works: Callable[[], Any], repeats: int = REPEATS) -> list[float]:
    """The medians of the seconds that some ``works`` take, done in turns, so that a busy moment of the machine is none's alone."""
    seconds: list[list[float]] = [[] for _ in works]
    for _ in range(repeats):
        for times, work in zip(seconds, works, strict=True):
            began = time.perf_counter()
            work()
            times.append(time.perf_counter() - began)
    return [statistics.median(times) for times in seconds]


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
        if method != "arbitrary":
            (again,) = timed(lambda: painter(content, output), repeats=2)
            return f"{method:<12}{painted.width:>5} x {painted.height:<5}{first:8.2f} s first{again:8.3f} s then"
        from impasto.encoders.tensors import tensor

        opened, settings = picture.read(content).resized(painted.size), picture.read_settings(output)
        pixels, prepared = tensor(opened.picture), painter._prepared
        again, network, read, write = timed(
            lambda: painter(content, output),
            lambda: prepared.network.paint(pixels, prepared.styles),  # type: ignore[attr-defined]
            lambda: picture.read(content).resized(painted.size),
            lambda: picture.save(opened.picture, output, settings=settings),
        )
    needed = network + read + write
    return (
        f"{method:<12}{painted.width:>5} x {painted.height:<5}{first:8.2f} s first{again:8.3f} s then; "
        f"{again / needed:.2f} of network {network:.3f} s + reading {read:.3f} s + writing {write:.3f} s"
    )


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
