"""Solvers: how a canvas follows its gradient. Every step is exactly one evaluation of the objective."""

import math
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
    """Limited-memory BFGS (Nocedal & Wright 2006, section 7.2) with full steps and no line search.

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
        # Without positive curvature along the step the pair would spoil the approximation.
        return _QuasiNewton(variable, self.history, lambda product, step, change: product > 1e-4 * math.sqrt(step * change), self._factor)

    def _factor(self, direction: Tensor, curvature: "_Curvature") -> Tensor:
        length = (direction.norm() / len(direction) ** 0.5).clamp_min(torch.finfo(direction.dtype).tiny)
        factor: Tensor = (self.longest / length).clamp_max(1) if curvature.order else self.first / length
        return factor


Enough = Callable[[float, float, float], bool]
"""Whether a pair is worth remembering, by the step times the change, the step's square and the change's."""
_BLOCK = 10  # pairs that memory is taken for at a time


class _Curvature:
    """What L-BFGS has learned: pairs of a step and the gradient's change along it, and the inverse Hessian that they imply.

    It is applied in the compact form of Byrd, Nocedal & Schnabel 1994 (*Representations of Quasi-Newton Matrices and Their Use in
    Limited Memory Methods*, theorem 2.2), which is the two-loop recursion (Nocedal & Wright 2006, algorithm 7.4) in other words. But
    where that goes through the pairs four times in hundreds of small products, this goes through them twice: for all inner products,
    which a device is asked for at once, and for the sum. What lies between are triangles as large as the history.
    """

    def __init__(self, variable: Tensor, history: int) -> None:
        self.history = history
        self.blocks: list[Tensor] = []  # of steps and changes, each [2, _BLOCK, n], as many as are filled
        self.order: list[int] = []  # the pairs' places in the blocks, oldest first
        most = -(-history // _BLOCK) * _BLOCK
        # By place: a step times a change, and a change times a change.
        self.crossed, self.changed = torch.zeros(2, most, most, dtype=torch.float64)
        self.latest = variable.detach().new_zeros(3, variable.numel())
        self.step, self.change, self.gradient = torch.unbind(self.latest)
        self.seen = 0  # gradients

    def direction(self, gradient: Tensor, enough: Enough) -> Tensor:
        """Learn from the last step, and say where to go next.

        Args:
            gradient: at the place where the last step led, ``[n]``.
            enough: whether a pair is worth remembering.

        Returns:
            Minus the approximate inverse Hessian times the gradient, ``[n]``. Whoever goes elsewhere changes it in place, for it is
            remembered as the step taken.
        """
        torch.sub(gradient, self.gradient, out=self.change)
        self.gradient.copy_(gradient)
        if self.seen:
            products, own = self._products()
            if enough(*(float(own[i, j]) for i, j in ((0, 1), (0, 0), (1, 1)))):
                self._remember(products, own)
            along = products[2]
        self.seen += 1
        if not self.order:
            torch.neg(self.gradient, out=self.step)
            return self.step
        order = torch.tensor(self.order)
        crossed, changed = self.crossed[order][:, order], self.changed[order][:, order]
        scale = crossed[-1, -1] / changed[-1, -1]
        triangle = crossed.triu()
        changes = _solved(triangle, along[0, order], upper=True)
        steps = _solved(triangle.T, crossed.diagonal() * changes + scale * (changed @ changes - along[1, order]), upper=False)
        factors = torch.zeros(2, len(self.crossed), dtype=torch.float64)
        factors[0, order], factors[1, order] = -steps, scale * changes
        torch.mul(self.gradient, -float(scale), out=self.step)
        for block, share in zip(self.blocks, torch.split(factors.to(self.step.dtype).to(self.step.device), _BLOCK, 1), strict=False):
            self.step.addmv_(block.flatten(0, 1).T, share.flatten())
        return self.step

    def _products(self) -> tuple[Tensor, Tensor]:
        """Of the last step, change and gradient: with the steps and changes of all places, ``[3, 2, places]``, and with each other."""
        found = [functional.linear(self.latest, rows) for rows in (*(block.flatten(0, 1) for block in self.blocks), self.latest)]
        *products, own = torch.split(torch.cat(found, 1).cpu().double(), [2 * _BLOCK] * len(self.blocks) + [3], 1)
        with_all = torch.zeros(3, 2, len(self.crossed), dtype=torch.float64)
        for index, product in enumerate(products):
            with_all[:, :, index * _BLOCK : (index + 1) * _BLOCK] = product.view(3, 2, _BLOCK)
        return with_all, own

    def _remember(self, products: Tensor, own: Tensor) -> None:
        """Take the last step and change as the newest pair; ``products`` become those with it in place of the oldest."""
        place = len(self.order) if len(self.order) < self.history else self.order.pop(0)
        self.order.append(place)
        index, row = divmod(place, _BLOCK)
        if index == len(self.blocks):
            self.blocks.append(self.step.new_zeros(2, _BLOCK, len(self.step)))
        self.blocks[index][:, row] = self.latest[:2]
        products[:, :, place] = own[:, :2]
        self.crossed[place], self.crossed[:, place] = products[0, 1], products[1, 0]
        self.changed[place] = self.changed[:, place] = products[1, 1]


def _solved(triangle: Tensor, right: Tensor, *, upper: bool) -> Tensor:
    found: Tensor = torch.linalg.solve_triangular(triangle, right[:, None], upper=upper)
    return found[:, 0]


class _QuasiNewton:
    """Moves along what a curvature says."""

    def __init__(self, variable: Tensor, history: int, enough: Enough, factor: Callable[[Tensor, _Curvature], Tensor]) -> None:
        """Take charge of ``variable``; ``factor`` says how far to go along a direction, with what is known of the curvature."""
        self.variable, self.enough, self.factor = variable, enough, factor
        self.curvature = _Curvature(variable, history)

    def step(self, closure: Callable[[], Tensor]) -> Tensor:
        """Evaluate ``closure``, learn from how the gradient changed, and move."""
        loss = closure()
        assert self.variable.grad is not None
        with torch.no_grad():
            direction = self.curvature.direction(self.variable.grad.flatten(), self.enough)
            direction *= self.factor(direction, self.curvature)
            self.variable += direction.view_as(self.variable)
        return loss


@dataclass(frozen=True)
class TorchLBFGS:
    """PyTorch's L-BFGS as the literature runs it: full steps, no line search, the first as long as the gradient's size says.

    One evaluation to a step: the sequence of canvases is that of ``torch.optim.LBFGS`` with ``max_iter=20``, which begins every call
    with the evaluation the last one left out. It doesn't stop where the gradient is small, as some losses are small all over.

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
        return _QuasiNewton(variable, self.history, lambda product, *_: product > 1e-10, self._factor)

    def _factor(self, direction: Tensor, curvature: _Curvature) -> Tensor:
        shortened = (1 / direction.abs().sum()).clamp_max(1) if curvature.seen == 1 else direction.new_ones(())
        return self.rate * shortened


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
