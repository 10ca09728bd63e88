"""Solvers: how a canvas follows its gradient. Every step is exactly one evaluation of the objective."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional


class Mover(Protocol):
    """Moves a variable, in place, by one evaluation at a time."""

    def step(self, closure: Callable[[], Tensor]) -> Tensor:
        """Evaluate ``closure``, which fills the variable's gradient and returns the loss, and move the variable."""


class Solver(Protocol):
    """A solver as data: its settings; called with a leaf tensor that requires its gradient, it makes the one who moves it.

    Attributes:
        units: what white is in the variable it moves: 1, or 255 where a paper's pixels run from 0 to 255. Rates and
            first steps are in these units.
    """

    @property
    def units(self) -> float:
        """What white is in the variable."""

    def __call__(self, variable: Tensor) -> Mover:
        """Take charge of ``variable``, of any shape."""


@dataclass(frozen=True)
class LBFGS:
    """Limited-memory BFGS (Nocedal & Wright 2006, algorithm 7.4) with full steps and no line search.

    Where ``torch.optim.LBFGS`` begins with a step too small to measure curvature by, and may later jump out of the
    colour space, this one knows that it moves a picture: its first step has a sensible length and none is longer than
    a picture can use. The scale of the loss makes no difference to it.

    Attributes:
        history: pairs of steps and gradient changes remembered.
        first: root mean square of the first step, in units of pixel value.
        longest: root mean square of the longest step.
        units: see :class:`Solver`.
    """

    history: int = 10
    first: float = 0.01
    longest: float = 0.1
    units: float = 1.0

    def __call__(self, variable: Tensor) -> Mover:
        """Take charge of ``variable``, of any shape."""
        return _Curvature(variable, self)


class _Curvature:
    """What :class:`LBFGS` has learned so far."""

    def __init__(self, variable: Tensor, settings: LBFGS) -> None:
        self.variable, self.settings = variable, settings
        # A step, the gradient's change along it, and the inverse of their product.
        self.pairs: list[tuple[Tensor, Tensor, Tensor]] = []
        self.step_taken: Tensor | None = None
        self.gradient: Tensor | None = None

    def step(self, closure: Callable[[], Tensor]) -> Tensor:
        """Evaluate ``closure``, learn from how the gradient changed, and move."""
        loss = closure()
        assert self.variable.grad is not None
        with torch.no_grad():
            gradient = self.variable.grad.flatten().clone()
            if self.step_taken is not None and self.gradient is not None:
                self._remember(self.step_taken, gradient - self.gradient)
            direction = self._direction(gradient)
            length = direction.norm() / len(direction) ** 0.5
            longest = self.settings.longest if self.pairs else self.settings.first
            if not self.pairs or length > longest:
                direction *= longest / length.clamp_min(torch.finfo(length.dtype).tiny)
            self.variable += direction.view_as(self.variable)
            self.step_taken, self.gradient = direction, gradient
        return loss

    def _remember(self, step: Tensor, change: Tensor) -> None:
        curvature = step.dot(change)
        # Without positive curvature along the step the pair would spoil the approximation.
        if curvature > 1e-4 * step.norm() * change.norm():
            self.pairs = [*self.pairs, (step, change, 1 / curvature)][-self.settings.history :]

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


@dataclass(frozen=True)
class TorchLBFGS:
    """PyTorch's L-BFGS as the literature runs it: full steps, no line search, the first as long as the gradient's size says.

    One iteration to a step and one evaluation to an iteration: the sequence of canvases is that of ``max_iter=20``, which
    begins every call with the evaluation the last one left out. It doesn't stop where the gradient is small, as some losses
    are small all over.

    Attributes:
        history: pairs remembered.
        rate: factor on every step.
        units: see :class:`Solver`.
    """

    history: int = 100
    rate: float = 1.0
    units: float = 1.0

    def __call__(self, variable: Tensor) -> Mover:
        """Take charge of ``variable``, of any shape."""
        return torch.optim.LBFGS([variable], lr=self.rate, max_iter=1, history_size=self.history, tolerance_grad=0, tolerance_change=0)


@dataclass(frozen=True)
class Adam:
    """Adam (Kingma & Ba 2015), of pixels or of the levels of a picture's Laplacian pyramid; the scale of the loss makes no difference.

    Attributes:
        rate: how far a value moves in a step, at most.
        levels: of detail, see :class:`RMSprop`; none to move pixels.
        units: see :class:`Solver`.
    """

    rate: float = 0.02
    levels: int = 0
    units: float = 1.0

    def __call__(self, variable: Tensor) -> Mover:
        """Take charge of ``variable``, of any shape, or with ``levels`` of ``[1, C, H, W]``."""
        if self.levels:
            return _Layered(variable, self.levels, lambda parts: torch.optim.Adam(parts, lr=self.rate * self.units, eps=1e-16))
        return torch.optim.Adam([variable], lr=self.rate, eps=1e-16)


@dataclass(frozen=True)
class SGD:
    """Gradient descent, with a rate that may decay: continuously, ``rate · decay^(step / every)``, or at milestones.

    Attributes:
        rate: factor on the gradient.
        momentum: share of the last step in the next.
        decay: the rate's factor after ``every`` steps, or at each milestone.
        every: see ``decay``.
        milestones: steps, counted from 0, at which the rate decays instead, and the momentum is forgotten.
        per_value: multiply the rate by the number of values, for a loss that is a mean over them.
        units: see :class:`Solver`.
    """

    rate: float = 0.0005
    momentum: float = 0.9
    decay: float = 1.0
    every: int = 1
    milestones: tuple[int, ...] = ()
    per_value: bool = True
    units: float = 1.0

    def __call__(self, variable: Tensor) -> Mover:
        """Take charge of ``variable``, of any shape."""
        return _Descending(variable, self)


class _Descending:
    """Gradient descent with :class:`SGD`'s rate at every step."""

    def __init__(self, variable: Tensor, settings: SGD) -> None:
        self.settings = settings
        self.rate = settings.rate * (variable.numel() if settings.per_value else 1)
        self.optimiser = torch.optim.SGD([variable], lr=self.rate, momentum=settings.momentum)
        self.steps = 0

    def step(self, closure: Callable[[], Tensor]) -> Tensor:
        """Evaluate ``closure`` and move."""
        milestones = self.settings.milestones
        if self.steps in milestones:
            self.optimiser.state.clear()
        periods = sum(self.steps >= milestone for milestone in milestones) if milestones else self.steps / self.settings.every
        self.optimiser.param_groups[0]["lr"] = self.rate * self.settings.decay**periods
        self.steps += 1
        loss: Tensor = self.optimiser.step(closure)
        return loss


@dataclass(frozen=True)
class RMSprop:
    """RMSprop (Tieleman & Hinton 2012) on the levels of a picture's Laplacian pyramid, so that a step moves large areas as readily as fine
    detail (Kolkin, Salavon & Shakhnarovich 2019, section 2.5); the scale of the loss makes no difference.

    Attributes:
        rate: how far a value of a level moves in a step, about.
        levels: of detail, each half the size of the one before; what is left is moved as well.
        units: see :class:`Solver`.
    """

    rate: float = 0.002
    levels: int = 5
    units: float = 1.0

    def __call__(self, variable: Tensor) -> Mover:
        """Take charge of ``variable``, ``[1, C, H, W]``."""
        return _Layered(variable, self.levels, lambda parts: torch.optim.RMSprop(parts, lr=self.rate * self.units))


class _Layered:
    """A picture that is moved level by level of its Laplacian pyramid."""

    def __init__(self, variable: Tensor, levels: int, optimiser: Callable[[list[Tensor]], torch.optim.Optimizer]) -> None:
        self.variable = variable
        self.parts: list[Tensor] = []
        with torch.no_grad():
            rest = variable.detach().clone()
            for _ in range(levels):
                less = functional.interpolate(rest, size=[max(1, side // 2) for side in rest.shape[2:]], mode="bilinear")
                self.parts.append(rest - _as_large(less, rest))
                rest = less
        self.parts.append(rest)
        for part in self.parts:
            part.requires_grad_()
        self.optimiser = optimiser(self.parts)
        self.folded = variable.detach().clone()

    def step(self, closure: Callable[[], Tensor]) -> Tensor:
        """Evaluate ``closure`` and move."""
        loss = closure()
        with torch.no_grad():  # what was cut off at black and white
            self.parts[0] += self.variable - self.folded
        with torch.enable_grad():
            gradients = torch.autograd.grad(self._sum(), self.parts, self.variable.grad)
        for part, gradient in zip(self.parts, gradients, strict=True):
            part.grad = gradient
        self.optimiser.step()
        with torch.no_grad():
            self.folded = self._sum()
            self.variable.copy_(self.folded)
        return loss

    def _sum(self) -> Tensor:
        picture = self.parts[-1]
        for detail in reversed(self.parts[:-1]):
            picture = detail + _as_large(picture, detail)
        return picture


def _as_large(picture: Tensor, other: Tensor) -> Tensor:
    """A ``picture`` enlarged to the size of the ``other``."""
    return functional.interpolate(picture, size=other.shape[2:], mode="bilinear")


SOLVERS: dict[str, Solver] = {"lbfgs": LBFGS(), "torch-lbfgs": TorchLBFGS(), "adam": Adam(), "sgd": SGD(), "rmsprop": RMSprop()}
