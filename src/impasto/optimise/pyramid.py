"""The image-optimisation engine: a canvas follows its objective from the coarsest level of a pyramid to the finest."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from impasto.encoders.tensors import array, resize
from impasto.family import Progress, Size
from impasto.losses import Term
from impasto.optimise.balance import Balance
from impasto.optimise.objective import Encoder, Evaluation, Objective, Sources, Targets
from impasto.optimise.solvers import Mover, Solver

Keep = Literal["best", "last"]

# Longest sides in pixels: a level below the first shows an encoder nothing that the next one doesn't, and as long as there
# is room for one above the second, an encoder can't see the largest strokes at the level after it.
COARSEST = (48, 96)


@dataclass(frozen=True)
class Level:
    """One scale of the pyramid: its width and height in pixels, and how many steps are taken there."""

    size: Size
    steps: int


def levels(size: Size, steps: Sequence[int], ratio: float, total: int | None = None, again: int = 0) -> tuple[Level, ...]:
    """The pyramid, coarse to fine.

    Args:
        size: width and height of the finest level, in pixels.
        steps: objective evaluations per level, coarse to fine; its length is the number of levels for a picture of 512 pixels.
            A larger one begins with more levels of the first kind, a smaller one leaves some out; one level stays one level.
        ratio: the size of a level over that of the one before, above 1.
        again: steps of one more level as large as the finest.
        total: spread this many steps instead, in the same proportions; at least 1. The finest level gets what rounding leaves.

    Returns:
        The levels, always with the finest.
    """
    while len(steps) > 1 and max(size) / ratio ** len(steps) >= COARSEST[1]:
        steps = (steps[0], *steps)
    plan = [(size[0] / ratio**up, size[1] / ratio**up, count) for up, count in zip(reversed(range(len(steps))), steps, strict=True)]
    plan = [level for level in plan[:-1] if max(level[:2]) >= COARSEST[0]] + plan[-1:]
    if again:
        plan.append((*size, again))
    counts = [count for _, _, count in plan]
    if total is not None:
        share = total / sum(counts)
        counts = [int(count * share) for count in counts]
        counts[-1] += total - sum(counts)
    return tuple(
        Level((max(1, round(width)), max(1, round(height))), count)
        for (width, height, _), count in zip(plan, counts, strict=True)
        if count > 0
    )


@dataclass(frozen=True)
class Result:
    """The painted canvas, float ``[1, 3, H, W]`` in [0, 1], and whether the run was finished or interrupted at ``step``."""

    canvas: Tensor
    step: int
    finished: bool


def optimise(
    encoder: Encoder,
    terms: Sequence[Term],
    sources: Sources,
    start: Callable[[Size], Tensor],
    plan: Sequence[Level],
    solver: Solver,
    *,
    finest: Solver | None = None,
    detail: float | Sequence[float] = 0.0,
    schedule: Mapping[str, Sequence[float]] | None = None,
    clamp: bool = False,
    keep: Keep = "best",
    balance: Balance | None = None,
    remembered: Targets | None = None,
    callback: Callable[[Progress], None] | None = None,
) -> Result:
    """Minimise the terms level by level, each level starting from the one before.

    An interrupt (Ctrl-C) ends the run and keeps the canvas so far.

    Args:
        encoder: what the terms see pictures through.
        terms: the losses.
        sources: the pictures the terms name, ``[1, 3, h, w]`` at the finest level's scale, with their shares; they are
            resized for the other levels. One called ``start`` is where fine detail comes from in place of the content.
        start: the canvas to begin from, ``[1, 3, H, W]`` in [0, 1], for a width and height.
        plan: the pyramid, from :func:`levels`.
        solver: makes the one who moves a level's canvas.
        finest: makes the one who moves the finest level's, if another does.
        detail: how much of the content's own fine detail, which the level before was too coarse for, a level after the first begins with;
            or how much at each level, see :attr:`.method.Method.detail`.
        schedule: factors of terms' weights at each level, see :attr:`.method.Method.schedule`.
        clamp: cut the canvas off at 0 and 1 before every evaluation.
        keep: which canvas a level ends with: the ``best`` it evaluated, or the ``last``, which no evaluation has seen.
        balance: weighs the terms anew every so many steps, by their gradients; what a callback is told remains unbalanced.
        remembered: targets of styles that a painting before had, and that the next one may have.
        callback: told of every step.

    Returns:
        The canvas of the finest level.
    """
    largest = plan[-1].size
    steps = sum(level.steps for level in plan)
    began, step = time.perf_counter(), 0
    kept, finished = start(plan[0].size), True
    try:
        for index, level in enumerate(plan):
            if finest and index == len(plan) - 1:
                solver = finest
            scale = max(level.size) / max(largest)
            scaled = {
                name: [(share, _scaled(picture, scale, level, largest)) for share, picture in pictures]
                for name, pictures in sources.items()
            }
            factors = {name: _at(values, index, len(plan)) for name, values in (schedule or {}).items()}
            weighed = [replace(term, weight=term.weight * factors.get(term.name, 1)) for term in terms]
            descent = _Descent(Objective(encoder, weighed, scaled, remembered), solver.units, clamp, balance)
            share = _at(detail, index, len(plan)) if isinstance(detail, Sequence) else detail * bool(index)
            if share:
                coarser = plan[index - 1].size if index else (max(1, level.size[0] // 2), max(1, level.size[1] // 2))
                kept = _enlarged(kept, level.size) + share * _finer((scaled.get("start") or scaled["content"])[0][1], coarser)
            variable = (_enlarged(kept, level.size) * solver.units).clone(memory_format=torch.contiguous_format).requires_grad_()
            mover, lowest = solver(variable), math.inf
            for taken in range(level.steps):
                if balance and taken and taken % balance.every == 0:
                    descent.weights, mover = None, solver(variable)
                evaluation = descent.step(variable, mover)
                step += 1
                if evaluation.total < lowest or (keep == "last" and math.isfinite(evaluation.total)):
                    lowest, kept = evaluation.total, evaluation.canvas
                elif not math.isfinite(evaluation.total):
                    # The solver ran away: go back, and forget the curvature that led there.
                    with torch.no_grad():
                        variable.copy_(_enlarged(kept, level.size) * solver.units)
                    mover = solver(variable)
                if callback:
                    seconds, look = time.perf_counter() - began, partial(array, kept)
                    callback(Progress(step, steps, index, len(plan), level.size, seconds, evaluation.total, evaluation.terms, look))
            if keep == "last" and variable.isfinite().all():
                kept = variable.detach() / solver.units
    except KeyboardInterrupt:
        finished = False
    return Result(_enlarged(kept, largest).clamp(0, 1), step, finished)


@dataclass(frozen=True)
class _Evaluated:
    total: float
    terms: Mapping[str, float]
    canvas: Tensor


class _Descent:
    """What is done with an objective at every step of a level."""

    def __init__(self, objective: Objective, units: float, clamp: bool, balance: Balance | None) -> None:
        self.objective, self.units, self.clamp, self.balance = objective, units, clamp, balance
        self.weights: dict[str, float] | None = None  # the balance's, once it has seen the gradients

    def step(self, variable: Tensor, mover: Mover) -> _Evaluated:
        """One evaluation and one move; what comes back is the canvas that was evaluated, before the move."""
        seen: list[tuple[Evaluation, Tensor]] = []

        def closure() -> Tensor:
            if self.clamp:
                with torch.no_grad():
                    variable.clamp_(0, self.units)
            canvas = variable / self.units
            evaluation = self.objective(canvas)
            variable.grad = self._gradient(evaluation, variable).contiguous()
            seen.append((evaluation, canvas.detach().clone()))
            return evaluation.total

        mover.step(closure)
        evaluation, canvas = seen[0]
        # Read at once, as a device is waited for each time.
        total, *terms = torch.stack(
            [value.detach().to(evaluation.total.dtype) for value in (evaluation.total, *evaluation.terms.values())]
        ).tolist()
        return _Evaluated(total, dict(zip(evaluation.terms, terms, strict=True)), canvas)

    def _gradient(self, evaluation: Evaluation, variable: Tensor) -> Tensor:
        shares = {name: share for name, share in evaluation.terms.items() if share.requires_grad}
        if self.balance and self.weights is None:
            gradients = {name: torch.autograd.grad(share, variable, retain_graph=True)[0] for name, share in shares.items()}
            self.weights = self.balance.weights(gradients)
        total = evaluation.total
        if self.weights is not None:
            total = torch.stack([self.weights[name] * share for name, share in shares.items()]).sum()
        return torch.autograd.grad(total, variable)[0]


def _at(values: Sequence[float], index: int, levels: int) -> float:
    """The value for a level out of some, of which the last is the finest level's, and the first is that of all levels before."""
    return values[max(0, len(values) - levels + index)] if levels > 1 else values[0]


def _scaled(source: Tensor, scale: float, level: Level, largest: Size) -> Tensor:
    """A source at a level's scale; one that has the finest level's size has the level's size."""
    height, width = source.shape[2:]
    if (width, height) == largest:
        return resize(source, level.size)
    return resize(source, (max(1, round(width * scale)), max(1, round(height * scale))))


def _finer(content: Tensor, coarser: Size) -> Tensor:
    """What of the content is lost at a coarser size."""
    height, width = content.shape[2:]
    return content - _enlarged(resize(content, coarser), (width, height))


def _enlarged(canvas: Tensor, size: Size) -> Tensor:
    """A canvas at another level's size, not clamped: the solver may be on its way back into the colour space."""
    width, height = size
    if canvas.shape[2:] == (height, width):
        return canvas
    return functional.interpolate(canvas, size=(height, width), mode="bicubic", align_corners=False)
