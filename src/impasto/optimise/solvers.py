"""Solvers: how a canvas follows its gradient. Every step is exactly one evaluation of the objective."""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor


class Solver(Protocol):
    """Moves a canvas, in place, by one evaluation at a time."""

    def step(self, closure: Callable[[], Tensor]) -> Tensor:
        """Evaluate ``closure``, which fills the canvas's gradient and returns the loss, and move the canvas."""


def lbfgs(canvas: Tensor, rate: float | None = None) -> Solver:
    """Limited-memory BFGS (Liu & Nocedal 1989), by default with full steps and no line search.

    One iteration a call: the state that holds the curvature lives on in the solver, so that the caller sees every evaluation.
    """
    return torch.optim.LBFGS(
        [canvas], lr=1.0 if rate is None else rate, max_iter=1, history_size=HISTORY, tolerance_grad=0.0, tolerance_change=0.0
    )


def adam(canvas: Tensor, rate: float | None = None) -> Solver:
    """Adam (Kingma & Ba 2015) with a rate in units of pixel value, 0.02 by default."""
    return torch.optim.Adam([canvas], lr=0.02 if rate is None else rate)


def sgd(canvas: Tensor, rate: float | None = None) -> Solver:
    """Gradient descent with momentum 0.9."""
    return torch.optim.SGD([canvas], lr=1.0 if rate is None else rate, momentum=0.9)


# Pairs of steps and gradients that L-BFGS remembers.
HISTORY = 10
SOLVERS: dict[str, Callable[..., Solver]] = {"lbfgs": lbfgs, "adam": adam, "sgd": sgd}
