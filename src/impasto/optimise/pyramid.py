"""The image-optimisation engine: a canvas follows its objective from the coarsest level of a pyramid to the finest."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from impasto import picture as pictures
from impasto.losses import Term
from impasto.optimise.objective import Encoder, Objective
from impasto.optimise.solvers import Solver

Size = tuple[int, int]

# Longest sides in pixels: a level below the first shows an encoder nothing that the next one doesn't, and as long as there
# is room for one above the second, an encoder can't see the largest strokes at the level after it.
COARSEST = (48, 96)


@dataclass(frozen=True)
class Level:
    """One scale of the pyramid: its width and height in pixels, and how many steps are taken there."""

    size: Size
    steps: int


def levels(size: Size, steps: Sequence[int], ratio: float, total: int | None = None) -> tuple[Level, ...]:
    """The pyramid, coarse to fine.

    Args:
        size: width and height of the finest level, in pixels.
        steps: objective evaluations per level, coarse to fine; its length is the number of levels for a picture of 512 pixels.
            A larger one begins with more levels of the first kind, a smaller one leaves some out; one level stays one level.
        ratio: the size of a level over that of the one before, above 1.
        total: spread this many steps instead, in the same proportions; at least 1. The finest level gets what rounding leaves.

    Returns:
        The levels, always with the finest.
    """
    while len(steps) > 1 and max(size) / ratio ** len(steps) >= COARSEST[1]:
        steps = (steps[0], *steps)
    plan = [(size[0] / ratio**up, size[1] / ratio**up, count) for up, count in zip(reversed(range(len(steps))), steps, strict=True)]
    plan = [level for level in plan[:-1] if max(level[:2]) >= COARSEST[0]] + plan[-1:]
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
class Progress:
    """What a callback is told after every step.

    Attributes:
        step: steps taken so far, counted from 1 over the whole run.
        steps: steps the whole run will take.
        level, levels: the level's index, counted from 0 at the coarsest, and how many there are.
        size: width and height of this level.
        seconds: since the run began.
        total: the objective, before this step moved the canvas.
        terms: every term's weighted share of it.
        canvas: the best canvas of this level so far, float ``[1, 3, H, W]``, not clamped.
    """

    step: int
    steps: int
    level: int
    levels: int
    size: Size
    seconds: float
    total: float
    terms: Mapping[str, float]
    canvas: Tensor


@dataclass(frozen=True)
class Result:
    """The painted canvas, float ``[1, 3, H, W]`` in [0, 1], and whether the run was finished or interrupted at ``step``."""

    canvas: Tensor
    step: int
    finished: bool


def optimise(
    encoder: Encoder,
    terms: Sequence[Term],
    sources: Mapping[str, Tensor],
    start: Callable[[Size], Tensor],
    plan: Sequence[Level],
    solver: Callable[[Tensor], Solver],
    detail: float = 0.0,
    callback: Callable[[Progress], None] | None = None,
) -> Result:
    """Minimise the terms level by level, each level starting from the one before.

    An interrupt (Ctrl-C) ends the run and keeps the best canvas so far.

    Args:
        encoder: what the terms see pictures through.
        terms: the losses.
        sources: ``{"content": [1, 3, H, W], "style": [1, 3, h, w]}`` at the finest level's scale; they are resized for the others.
        start: the canvas to begin from, ``[1, 3, H, W]`` in [0, 1], for a width and height.
        plan: the pyramid, from :func:`levels`.
        solver: makes the solver for one level's canvas.
        detail: how much of the content's own fine detail, which the level before was too coarse for, a level begins with.
        callback: told of every step.

    Returns:
        The canvas of the finest level with the lowest total.
    """
    finest = plan[-1].size
    steps = sum(level.steps for level in plan)
    began, step = time.perf_counter(), 0
    best, finished = start(plan[0].size), True
    try:
        for index, level in enumerate(plan):
            scale = max(level.size) / max(finest)
            scaled = {name: _scaled(source, scale, level, name) for name, source in sources.items()}
            objective = Objective(encoder, terms, scaled)
            if index and detail:
                best = _enlarged(best, level.size) + detail * _finer(scaled["content"], plan[index - 1].size)
            canvas = _enlarged(best, level.size).clone(memory_format=torch.contiguous_format).requires_grad_()
            mover, lowest = solver(canvas), math.inf
            for _ in range(level.steps):
                evaluation = _step(objective, canvas, mover)
                step += 1
                if evaluation.total < lowest:
                    lowest, best = evaluation.total, evaluation.canvas
                elif not math.isfinite(evaluation.total):
                    # The solver ran away: go back, and forget the curvature that led there.
                    with torch.no_grad():
                        canvas.copy_(_enlarged(best, level.size))
                    mover = solver(canvas)
                if callback:
                    seconds = time.perf_counter() - began
                    callback(Progress(step, steps, index, len(plan), level.size, seconds, evaluation.total, evaluation.terms, best))
    except KeyboardInterrupt:
        finished = False
    return Result(_enlarged(best, finest).clamp(0, 1), step, finished)


@dataclass(frozen=True)
class _Evaluated:
    total: float
    terms: Mapping[str, float]
    canvas: Tensor


def _step(objective: Objective, canvas: Tensor, solver: Solver) -> _Evaluated:
    """One evaluation and one move; what comes back is the canvas that was evaluated, before the move."""
    evaluated: list[_Evaluated] = []

    def closure() -> Tensor:
        canvas.grad = None
        evaluation = objective(canvas)
        # In units of one value's share: thresholds and rates then mean the same at every size.
        loss = evaluation.total * canvas.numel()
        loss.backward()  # type: ignore[no-untyped-call]
        terms = {name: float(share.detach()) for name, share in evaluation.terms.items()}
        evaluated.append(_Evaluated(float(evaluation.total.detach()), terms, canvas.detach().clone()))
        return loss

    solver.step(closure)
    return evaluated[0]


def _scaled(source: Tensor, scale: float, level: Level, name: str) -> Tensor:
    if name == "content":
        return pictures.resize(source, level.size)
    height, width = source.shape[2:]
    return pictures.resize(source, (max(1, round(width * scale)), max(1, round(height * scale))))


def _finer(content: Tensor, coarser: Size) -> Tensor:
    """What of the content is lost at a coarser size."""
    height, width = content.shape[2:]
    return content - _enlarged(pictures.resize(content, coarser), (width, height))


def _enlarged(canvas: Tensor, size: Size) -> Tensor:
    """A canvas at another level's size, not clamped: the solver may be on its way back into the colour space."""
    width, height = size
    if canvas.shape[2:] == (height, width):
        return canvas
    return functional.interpolate(canvas, size=(height, width), mode="bicubic", align_corners=False)
