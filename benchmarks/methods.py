"""What each method costs: `python benchmarks/methods.py`.

Every method paints through `impasto.stylize` in a process of its own, with a stopwatch in place of its solver. Every step
begins from the canvas that its level began with, and the solver's memory is full, which is when its own work is largest.

- s/step: the median time of a step at full size: the objective, its gradient and the solver's move.
- roofline: the share of that time which the encoder's convolutions would need at the machine's best rate. They are counted
  as one pass forward and one back to the picture, down to the deepest layer that the method looks at, at two operations
  to a multiplication. The best rate is the fastest that any of these convolutions alone, forward or back, or one of
  256 to 256 channels over 64 x 64 positions, reaches in the same process and precision, at its fastest run.
- peak MB: the most memory that the process held, PyTorch itself included.
- own s, fast s: the method's own schedule and `--fast`, each level's median step times its number of steps.
"""

import json
import math
import os
import platform
import re
import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any, cast

import click
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from impasto import stylize
from impasto.encoders import PACKAGED
from impasto.errors import ImpastoError
from impasto.methods import METHODS
from impasto.optimise import Solver, levels
from impasto.optimise.method import Method
from impasto.optimise.solvers import Mover

CONTENT, STYLE = "astronaut", "starry"
WARM_UP = 2  # steps of every level that don't count
SQUARE = ((1, 256, 64, 64), (256, 256, 3, 3))


@dataclass(frozen=True)
class Cost:
    """What a method costs.

    Attributes:
        steps: of its own schedule, over all levels.
        size: width and height of the painting, in pixels.
        precision: what its encoder computes in, such as ``float32``.
        seconds: a step at full size takes.
        share: of that time which its convolutions would take at ``gigaflops``.
        gigaflops: the best rate of convolutions, in 1e9 operations a second.
        megabytes: the process held at most, in 1e6 bytes.
        own: seconds of its own schedule.
        fast: seconds with ``--fast``.
    """

    steps: int
    size: tuple[int, int]
    precision: str
    seconds: float
    share: float
    gigaflops: float
    megabytes: float
    own: float
    fast: float


@dataclass(frozen=True)
class Convolution:
    """A convolution by its shapes: ``[N, in, h, w]``, ``[out, in, k, k]``, and how it is applied."""

    picture: tuple[int, ...]
    weight: tuple[int, ...]
    stride: int | tuple[int, ...]
    padding: int | tuple[int, ...]
    precision: torch.dtype

    def rate(self, repeats: int) -> tuple[float, float]:
        """Its operations in one pass, and the most of them a second that it reaches forward or back in ``repeats`` runs."""
        like = {"dtype": self.precision, "memory_format": torch.channels_last}
        x = torch.rand(self.picture).to(**like).requires_grad_()  # type: ignore[call-overload]
        weight = torch.rand(self.weight).to(**like)  # type: ignore[call-overload]

        def forward() -> Tensor:
            return torch.conv2d(x, weight, None, self.stride, self.padding)

        y = forward()
        gradient = torch.ones_like(y)
        operations = 2 * y.numel() * math.prod(self.weight[1:])
        with torch.no_grad():
            there = min(timed(forward, repeats))
        back = min(timed(lambda: torch.autograd.grad(y, x, gradient, retain_graph=True), repeats))
        return operations, operations / min(there, back)


class Seen(TorchFunctionMode):
    """Writes down a network's convolutions, whose weights are parameters or made of some, as they are computed."""

    def __init__(self) -> None:
        super().__init__()
        self.convolutions: list[Convolution] = []

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """See :class:`torch.overrides.TorchFunctionMode`."""
        if function is torch.conv2d and (isinstance(args[1], nn.Parameter) or args[1].requires_grad):
            known = dict(zip(("input", "weight", "bias", "stride", "padding"), args, strict=False)) | (kwargs or {})
            stride, padding = known.get("stride", 1), known.get("padding", 0)
            self.convolutions.append(Convolution(tuple(args[0].shape), tuple(args[1].shape), stride, padding, args[0].dtype))
        return function(*args, **(kwargs or {}))


class Stopwatch:
    """A solver that times another one's steps.

    Attributes:
        each: so many steps has a level.
        seconds: of every step, level by level.
        convolutions: those of one evaluation, at the last level.
    """

    def __init__(self, solver: Solver, each: int) -> None:
        self.solver, self.each = solver, each
        self.seconds: list[float] = []
        self.convolutions: list[Convolution] = []

    @property
    def units(self) -> float:
        """See :class:`impasto.optimise.Solver`."""
        return self.solver.units

    def __call__(self, variable: Tensor) -> Mover:
        """Take charge of ``variable``, of any shape."""
        return _Timed(variable, self)


class _Timed:
    """Times the moves of a variable, and takes each back."""

    def __init__(self, variable: Tensor, stopwatch: Stopwatch) -> None:
        self.variable, self.stopwatch = variable, stopwatch
        self.begin = variable.detach().clone()
        self.mover = stopwatch.solver(variable)
        if history := getattr(stopwatch.solver, "history", 0):
            self._fill(history)

    def _fill(self, history: int) -> None:
        """Fill the solver's memory by minimising ``Σ c x²``, with curvatures c so different that it stays busy."""
        curvature = torch.logspace(0, -4, self.variable.numel()).view_as(self.variable)

        def closure() -> Tensor:
            self.variable.grad = 2 * curvature * self.variable.detach()
            return (curvature * self.variable.detach().square()).sum()

        for _ in range(history + 1):
            self.mover.step(closure)
        self._back()

    def _back(self) -> None:
        with torch.no_grad():
            self.variable.copy_(self.begin)

    def step(self, closure: Callable[[], Tensor]) -> Tensor:
        """Evaluate ``closure`` and move, on the clock."""
        times = self.stopwatch.seconds
        if len(times) % self.stopwatch.each == 0:
            closure()  # the first makes targets, too
            with Seen() as seen:
                closure()
            self.stopwatch.convolutions = seen.convolutions
        began = time.perf_counter()
        loss = self.mover.step(closure)
        times.append(time.perf_counter() - began)
        self._back()
        return loss


def timed(work: Callable[[], object], repeats: int) -> list[float]:
    """The seconds of every run of ``work``, after one to warm up."""
    seconds = []
    for _ in range(repeats + 1):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return seconds[1:]


def run(method: Method, encoder: str, size: int, repeats: int) -> tuple[tuple[int, int], float, Stopwatch, float]:
    """Paint ``repeats`` steps of every level.

    Args:
        method: a method, or the fast one made of it.
        encoder: what it sees pictures through; ``own`` is the method's own.
        size: longest side in pixels.
        repeats: steps that count, of every level.

    Returns:
        The painting's width and height, the seconds of a step at that size, the stopwatch, and the seconds of the schedule.
    """
    each = WARM_UP + repeats
    stopwatch = Stopwatch(method.solver, each)
    METHODS[method.name] = replace(
        method,
        solver=stopwatch,
        finest=None,
        steps=(each,) * len(method.steps),
        again=each if method.again else 0,
        elsewhere=replace(method.elsewhere, steps=(), again=None),
    )
    painting = stylize(
        CONTENT if "content" in method.sources else None,
        STYLE if "style" in method.sources else None,
        method=method.name,
        encoder=cast(Any, None if encoder == "own" else encoder),
        size=size,
    )
    plan = levels(painting.size, method.steps, method.ratio, again=method.again)
    medians = [statistics.median(stopwatch.seconds[level * each :][WARM_UP:each]) for level in range(len(plan))]
    whole = sum(level.steps * seconds for level, seconds in zip(plan, medians, strict=True))
    return painting.size, medians[-1], stopwatch, whole


def measure(name: str, encoder: str, size: int, repeats: int) -> Cost:
    """The cost of the method called ``name``; in a process that has measured nothing else. See :func:`run`."""
    method = METHODS[name]
    if encoder in PACKAGED and method.encoder not in PACKAGED:
        method = method.adapted()
    painted, seconds, stopwatch, own = run(method, encoder, size, repeats)
    megabytes = peak()
    fast = run(method.fast(), encoder, size, repeats)[-1]
    seen = stopwatch.convolutions
    rates = {each: each.rate(repeats) for each in {*seen, Convolution(*SQUARE, 1, 1, seen[0].precision)}}
    best = max(rate for _, rate in rates.values())
    operations = 2 * sum(rates[each][0] for each in seen)
    precision = str(seen[0].precision).removeprefix("torch.")
    return Cost(
        sum(method.steps) + method.again, painted, precision, seconds, operations / best / seconds, best / 1e9, megabytes, own, fast
    )


def peak() -> float:
    """The most memory this process has held, in MB."""
    status = Path("/proc/self/status")
    # Not what getrusage says, where there is a choice: on Linux that begins with the peak of the process that started this one.
    if status.exists() and (line := re.search(r"VmHWM:\s*(\d+) kB", status.read_text())):
        return 1024 * int(line[1]) / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6


def alone(name: str, *options: Any) -> Cost:
    """:func:`measure` in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(measure, name, *options).result()


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    return {"processor": platform.machine(), "cores": os.cpu_count(), "threads": torch.get_num_threads(), "torch": torch.__version__}


@click.command()
@click.option("--method", "names", multiple=True, type=click.Choice(list(METHODS)), help="Only this one; may be repeated.")
@click.option("--size", default=384, show_default=True, help="Longest side, in pixels.")
@click.option(
    "--encoder", default="pocket", show_default=True, type=click.Choice(["pocket", "own"]), help="What they see pictures through."
)
@click.option("--steps", default=10, show_default=True, type=click.IntRange(1), help="To time, of every level.")
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path), help="Also write the figures here.")
def main(names: Sequence[str], size: int, encoder: str, steps: int, file: Path | None) -> None:
    """Measure on this machine, with an example photograph and a packaged style."""
    about = machine()
    click.echo(", ".join(f"{name} {value}" for name, value in about.items()) + f"; {encoder} encoder, longest side {size}")
    click.echo(
        f"{'method':<15}{'steps':>6}{'pixels':>11}{'precision':>11}{'s/step':>9}{'roofline':>10}{'GFLOP/s':>9}"
        f"{'peak MB':>9}{'own s':>9}{'fast s':>8}"
    )
    costs = {}
    for name in names or METHODS:
        try:
            costs[name] = cost = alone(name, encoder, size, steps)
        except ImpastoError as error:
            click.echo(f"{name:<15}{error}")
            continue
        click.echo(
            f"{name:<15}{cost.steps:6}{'{} x {}'.format(*cost.size):>11}{cost.precision:>11}{cost.seconds:9.3f}{cost.share:10.0%}"
            f"{cost.gigaflops:9.0f}{cost.megabytes:9.0f}{cost.own:9.0f}{cost.fast:8.1f}"
        )
    if file is not None:
        figures = {name: {key: rounded(value) for key, value in asdict(cost).items()} for name, cost in costs.items()}
        file.write_text(json.dumps({"machine": about, "encoder": encoder, "size": size, "methods": figures}, indent=2) + "\n")


def rounded(value: Any) -> Any:
    """Three digits of a measured number; more would be noise."""
    return float(f"{value:.3g}") if isinstance(value, float) else value


if __name__ == "__main__":
    main()
