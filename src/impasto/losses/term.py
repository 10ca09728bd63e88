"""What every loss of the house has in common."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, Self

import torch
from torch import Tensor

Features = dict[str, Tensor]
Encode = Callable[[Tensor, Sequence[str]], Features]


@dataclass(frozen=True, kw_only=True)
class Term(ABC):
    """A loss as data: its weight and the encoder's layers it looks at.

    A term is given its target once per level of the pyramid (:meth:`target`) and then maps a canvas to a scalar
    (:meth:`__call__`). It holds no state, so one term serves any number of pictures.

    Attributes:
        weight: factor with which the term enters the total.
        layers: the encoder's layers whose features the term needs; empty for a loss on the pixels alone.
        layer_weights: factors ``w_l`` of the layers' losses, as many as layers; empty for their mean, ``1 / n`` each.
        name: the term's key in logs and in an objective's parts.
        role: what a weight option addresses: ``--style-weight`` is for every term in the role ``style``, whichever loss that is.
        apart: whether it looks at its layers one by one, which ``layer_weights`` then weigh; else at all of them together.
        source: the picture the target is made from, or None where there is no target; ``recoloured`` is the content in the style's colours.
    """

    weight: float = 1.0
    layers: tuple[str, ...] = ()
    layer_weights: tuple[float, ...] = ()
    name: ClassVar[str]
    role: ClassVar[str]
    apart: ClassVar[bool] = True
    source: ClassVar[Literal["content", "style", "recoloured"] | None] = None

    @property
    @abstractmethod
    def formula(self) -> str:
        """The unweighted loss in TeX, in the literature's symbols, for the documentation."""

    def target(self, picture: Tensor, encode: Encode) -> Features:
        """What the canvas is compared with, made from the source.

        Args:
            picture: the source, float ``[1, 3, h, w]``, sRGB in [0, 1].
            encode: gives a picture's features at some layers, ``{layer: [1, C, h, w]}``.

        Returns:
            Named tensors, in whatever shape the term compares; one per layer, unless the term says otherwise.
        """
        return encode(picture, self.layers)

    @abstractmethod
    def __call__(self, canvas: Tensor, features: Features, target: Features) -> Tensor:
        """The unweighted loss.

        Args:
            canvas: float ``[1, 3, H, W]``, nominally in [0, 1].
            features: the canvas's features, ``{layer: [1, C, h, w]}``.
            target: what :meth:`target` made of the source picture; empty where there is none.

        Returns:
            A scalar of float32 or better.
        """

    def at(self, turn: int) -> Self:
        """The term as it is at a level's evaluation number ``turn``, from 0: itself, unless it draws lots."""
        return self

    def still(self) -> Self:
        """The term as the same function at every turn, as a solver needs it that learns curvature."""
        return self

    def begun(self, target: Features, canvas: Tensor, content: Tensor | None, encode: Encode) -> Features:
        """What the target becomes when a level begins: itself, unless it depends on the canvas.

        Args:
            target: from :meth:`target`.
            canvas: that the level begins with, float ``[1, 3, H, W]``.
            content: the photograph, of the same size, where the method has one.
            encode: see :meth:`target`.
        """
        return target

    def over_layers(self, loss: Callable[[str], Tensor]) -> Tensor:
        """``Σ_l w_l loss(l)`` over the term's layers; ``loss`` maps a layer's name to a scalar."""
        weights = self.layer_weights or (1 / len(self.layers),) * len(self.layers)
        return torch.stack([weight * loss(layer) for weight, layer in zip(weights, self.layers, strict=True)]).sum()


@dataclass(frozen=True, kw_only=True)
class Lots(Term):
    """A term that looks at some places out of many.

    Attributes:
        lots: whether they are others at every turn, drawn by lot.
        turn: which lots are drawn.
    """

    lots: bool = False
    turn: int = 0

    def at(self, turn: int) -> Self:
        """See :meth:`Term.at`."""
        return replace(self, turn=turn) if self.lots else self

    def still(self) -> Self:
        """See :meth:`Term.still`."""
        return replace(self, lots=False)


class _Known(torch.autograd.Function):
    """See :func:`with_gradient`."""

    @staticmethod
    def forward(context: Any, x: Tensor, value: Tensor, gradient: Tensor) -> Tensor:
        context.save_for_backward(gradient)
        context.precision = x.dtype
        return value.clone()

    @staticmethod
    def backward(context: Any, *upstream: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = context.saved_tensors
        return (upstream[0] * gradient).to(context.precision), None, None


def with_gradient(x: Tensor, value: Tensor, gradient: Tensor) -> Tensor:
    """``value``, a scalar function of ``x`` whose ``gradient`` has been computed along with it, for autograd."""
    known: Tensor = _Known.apply(x, value, gradient)  # type: ignore[no-untyped-call]
    return known


def promote(tensor: Tensor) -> torch.dtype:
    """The precision a loss over ``tensor`` is summed in: at least float32, whatever the encoder computes in."""
    return torch.promote_types(tensor.dtype, torch.float32)


def squared_error(value: Tensor, target: Tensor) -> Tensor:
    """``Σ (value - target)²``, summed in float32 or better."""
    precision = promote(target)
    return (value.to(precision) - target.to(precision)).square().sum()


def energy(target: Tensor) -> Tensor:
    """``Σ target²``, never 0, to divide an error of ``target`` by: the same scale for every layer, 1 for a value of 0."""
    return target.to(promote(target)).square().sum().clamp_min(1e-12)
