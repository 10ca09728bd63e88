"""Solvers: how a canvas follows its gradient. Every step is exactly one evaluation of the objective."""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor


class Solver(Protocol):
    """Moves a canvas, in place, by one evaluation at a time."""

    def step(self, closure: Callable[[], Tensor]) -> Tensor:
        """Evaluate ``closure``, which fills the canvas's gradient and returns the loss, and move the canvas."""


class LBFGS:
    """Limited-memory BFGS (Nocedal & Wright 2006, algorithm 7.4) with full steps and no line search.

    Where ``torch.optim.LBFGS`` begins with a step too small to measure curvature by, and may later jump out of the
    colour space, this one knows that it moves a picture: its first step has a sensible length and none is longer than
    a picture can use.
    """

    HISTORY = 10
    """Pairs of steps and gradient changes remembered."""
    FIRST = 0.01
    """Root mean square of the first step, in units of pixel value."""
    LONGEST = 0.1
    """Root mean square of the longest step."""

    def __init__(self, canvas: Tensor) -> None:
        """Take charge of ``canvas``, a leaf tensor of any shape that requires its gradient."""
        self.canvas = canvas
        # A step, the gradient's change along it, and the inverse of their product.
        self.pairs: list[tuple[Tensor, Tensor, Tensor]] = []
        self.step_taken: Tensor | None = None
        self.gradient: Tensor | None = None

    def step(self, closure: Callable[[], Tensor]) -> Tensor:
        """Evaluate ``closure``, learn from how the gradient changed, and move."""
        loss = closure()
        assert self.canvas.grad is not None
        with torch.no_grad():
            gradient = self.canvas.grad.flatten().clone()
            if self.step_taken is not None and self.gradient is not None:
                self._remember(self.step_taken, gradient - self.gradient)
            direction = self._direction(gradient)
            length = direction.norm() / len(direction) ** 0.5
            longest = self.LONGEST if self.pairs else self.FIRST
            if not self.pairs or length > longest:
                direction *= longest / length.clamp_min(torch.finfo(length.dtype).tiny)
            self.canvas += direction.view_as(self.canvas)
            self.step_taken, self.gradient = direction, gradient
        return loss

    def _remember(self, step: Tensor, change: Tensor) -> None:
        curvature = step.dot(change)
        # Without positive curvature along the step the pair would spoil the approximation.
        if curvature > 1e-4 * step.norm() * change.norm():
            self.pairs = [*self.pairs, (step, change, 1 / curvature)][-self.HISTORY :]

    def _direction(self, gradient: Tensor) -> Tensor:
        """Minus the approximate inverse Hessian times the gradient."""
        direction = -gradient
        shares = []
        for step, change, inverse in reversed(self.pairs):
            shares.append(inverse * step.dot(direction))
            direction.sub_(shares[-1] * change)
        if self.pairs:
            _, newest, inverse = self.pairs[-1]
            direction /= inverse * newest.dot(newest)
        for (step, change, inverse), share in zip(self.pairs, reversed(shares), strict=True):
            direction.add_((share - inverse * change.dot(direction)) * step)
        return direction


def adam(canvas: Tensor) -> Solver:
    """Adam (Kingma & Ba 2015) on ``canvas``, moving a pixel value by up to 0.02 a step."""
    return torch.optim.Adam([canvas], lr=0.02)


def sgd(canvas: Tensor) -> Solver:
    """Gradient descent on ``canvas`` with a rate of 0.0005 and momentum 0.9, for an objective in units of one value's share."""
    return torch.optim.SGD([canvas], lr=0.0005, momentum=0.9)


SOLVERS: dict[str, Callable[[Tensor], Solver]] = {"lbfgs": LBFGS, "adam": adam, "sgd": sgd}
