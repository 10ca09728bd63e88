"""The textbook loop against the default command: `python benchmarks/speed.py`.

Both run as whole processes, import and load included, in turns, on the same two pictures and the same threads. What is
printed is every run, the two medians and their ratio.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import click

from impasto import examples, styles

TEXTBOOK = Path(__file__).with_name("textbook.py")
IMPASTO = Path(sys.executable).with_name("impasto")
EVALUATIONS = 300


def timed(command: list[str | Path]) -> tuple[float, str]:
    """Run a command; its wall-clock seconds and what it printed."""
    began = time.perf_counter()
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return time.perf_counter() - began, done.stdout


@click.command()
@click.option("--content", default="astronaut", show_default=True, type=click.Choice(sorted(examples.EXAMPLES)))
@click.option("--style", default="starry", show_default=True, type=click.Choice(sorted(styles.STYLES)))
@click.option("--size", default=512, show_default=True, help="Longest side, in pixels.")
@click.option("--rounds", default=3, show_default=True, help="Runs of each, in turns.")
@click.option(
    "--evaluations",
    type=click.IntRange(1, EVALUATIONS),
    default=EVALUATIONS,
    show_default=True,
    help="Of the textbook loop. With fewer, the time of its loop, not of its import and load, is scaled up.",
)
@click.option(
    "--precision",
    default="auto",
    show_default=True,
    type=click.Choice(["auto", "float32", "bfloat16"]),
    help="Of our encoder; the textbook's is float32.",
)
def main(content: str, style: str, size: int, rounds: int, evaluations: int, precision: str) -> None:
    """Time both, and print the ratio."""
    pictures: list[str | Path] = [examples.path(content), styles.path(style)]
    click.echo(
        f"{content} in the style {style}, longest side {size}; {os.cpu_count()} cores ({platform.machine()}), "
        f"OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS', 'unset')}, torch {version('torch')}"
    )
    if evaluations < EVALUATIONS:
        click.echo(
            f"SCALED: the textbook loop runs {evaluations} of its {EVALUATIONS} evaluations, and the time of its loop is "
            f"multiplied by {EVALUATIONS / evaluations:.3g}; import and load count once. Run without --evaluations for a figure to quote."
        )
    textbook, ours = [], []
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(1, rounds + 1):
            options = ["--size", str(size), "-o", f"{folder}/out.png"]
            seconds, printed = timed([sys.executable, TEXTBOOK, *pictures, *options, "--evaluations", str(evaluations)])
            loop = json.loads(printed.splitlines()[-1])
            textbook.append(seconds + loop["seconds"] * (EVALUATIONS / loop["evaluations"] - 1))
            ours.append(timed([IMPASTO, "stylize", *pictures, *options, "--precision", precision, "--quiet"])[0])
            click.echo(f"round {turn}: textbook {textbook[-1]:.2f} s, impasto {ours[-1]:.2f} s")
    medians = statistics.median(textbook), statistics.median(ours)
    click.echo(f"median: textbook {medians[0]:.2f} s, impasto {medians[1]:.2f} s, ratio {medians[0] / medians[1]:.1f}")


if __name__ == "__main__":
    main()
