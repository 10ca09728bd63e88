"""What every loss of the house has in common."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

Features = dict[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class Term(ABC):
    """A loss as data: its weight and the encoder's layers it looks at.

    A term is given its target once per level of the pyramid (:meth:`target`) and then maps a canvas to a scalar
    (:meth:`__call__`). It holds no state, so one term serves any number of pictures.

    Attributes:
        weight: factor with which the term enters the total.
        layers: the encoder's layers whose features the term needs; empty for a loss on the pixels alone.
        name: the term's key in logs and in an objective's parts.
        source: the picture the target is made from, or None where there is no target.
    """

    weight: float = 1.0
    layers: tuple[str, ...] = ()
    name: ClassVar[str]
    source: ClassVar[Literal["content", "style"] | None] = None

    def target(self, features: Features) -> Features:
        """What the canvas is compared with, from the source picture's features at ``layers``.

        Args:
            features: ``{layer: [1, C, h, w]}``.

        Returns:
            One tensor per layer, in whatever shape the term compares.
        """
        return features

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


def relative_squared_error(value: Tensor, target: Tensor) -> Tensor:
    """``|value - target|² / |target|²``: 0 where they agree, 1 where ``value`` is 0; the same scale for every layer."""
    target = target.to(promote(target))
    error = (value.to(target.dtype) - target).square().sum()
    return error / target.square().sum().clamp_min(1e-12)


def promote(tensor: Tensor) -> torch.dtype:
    """The precision a loss over ``tensor`` is summed in: at least float32, whatever the encoder computes in."""
    return torch.promote_types(tensor.dtype, torch.float32)
