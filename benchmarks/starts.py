"""What `--start arbitrary` saves: `python benchmarks/starts.py --plot runs/starts.png`.

The default method paints the same pairs from the content and from the painting of the network for any style, each with several
numbers of steps. Printed is the objective that is left, as a median over the pairs, relative to the best painting from the
content; and how many steps from the content a painting from the network is worth.
"""

import statistics
from itertools import pairwise
from pathlib import Path

import click
import numpy as np

from impasto import stylize
from impasto.family import Progress

PAIRS = (("astronaut", "starry"), ("chelsea", "fauve"), ("coffee", "mosaic"), ("rocket", "knife"), ("astronaut", "cubist"))
STARTS = ("content", "arbitrary")
STEPS = (11, 22, 44, 66, 110, 220)


def left(content: str, style: str, start: str, steps: int, size: int) -> float:
    """What is left of the objective after so many steps."""
    told: list[Progress] = []
    stylize(content, style, start=start, steps=steps, size=size, precision="float32", callback=told.append)
    # The best of the last level, which is the canvas that is kept.
    return min(sum(progress.terms.values()) for progress in told if progress.level == told[-1].level)


def worth(loss: float, steps: list[int], losses: list[float]) -> float:
    """The steps after which losses that fall over the steps are as low as this one, interpolated between logarithms."""
    if loss >= losses[0]:
        return steps[0]
    for (before, after), (high, low) in zip(pairwise(steps), pairwise(losses), strict=True):
        if low <= loss:
            return float(np.exp(np.interp(-loss, [-high, -low], np.log([before, after]))))
    return float("inf")


@click.command()
@click.option("--size", default=384, show_default=True, help="Longest side, in pixels.")
@click.option("--pairs", default=len(PAIRS), show_default=True, type=click.IntRange(1, len(PAIRS)), help="How many.")
@click.option("--steps", multiple=True, type=int, default=STEPS, show_default=True, help="In rising order.")
@click.option("--plot", type=click.Path(dir_okay=False, path_type=Path), help="Draw it here, as PNG.")
def main(size: int, pairs: int, steps: tuple[int, ...], plot: Path | None) -> None:
    """Measure; the losses don't depend on how busy the machine is."""
    found = {start: {count: [left(*pair, start, count, size) for pair in PAIRS[:pairs]] for count in steps} for start in STARTS}
    best = found["content"][steps[-1]]
    relative = {
        start: [statistics.median(loss / least for loss, least in zip(losses, best, strict=True)) for losses in by_steps.values()]
        for start, by_steps in found.items()
    }
    click.echo(f"{'steps':>6}{'content':>10}{'arbitrary':>11}   from the network as good as, from the content")
    for index, count in enumerate(steps):
        content, arbitrary = (relative[start][index] for start in STARTS)
        equal = worth(arbitrary, list(steps), relative["content"])
        steps_worth = f"{equal:.0f} steps" if np.isfinite(equal) else f"more than {steps[-1]} steps"
        click.echo(f"{count:>6}{content:>10.2f}{arbitrary:>11.2f}   {steps_worth}")
    if plot is not None:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(7, 4.5), layout="constrained")
        axes = figure.subplots()
        for start in STARTS:
            axes.plot(steps, relative[start], marker="o", label=f"from {start}")
        axes.set(xscale="log", yscale="log", xlabel="steps", ylabel="objective, relative to the best from the content")
        axes.set_xticks(steps, [str(count) for count in steps])
        axes.grid(visible=True, which="both", alpha=0.25)
        axes.legend()
        figure.savefig(plot, dpi=110)


if __name__ == "__main__":
    main()
