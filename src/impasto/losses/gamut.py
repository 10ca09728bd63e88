"""A soft border of the colour space: values below 0 or above 1 cost, instead of being cut off."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from impasto.losses.term import Features, Term


@dataclass(frozen=True, kw_only=True)
class Gamut(Term):
    """Mean squared distance of the canvas's values from [0, 1].

    Clamping between evaluations invalidates what L-BFGS has learned of the curvature; a smooth penalty does not.
    """

    name: ClassVar[str] = "gamut"
    role: ClassVar[str] = "gamut"

    @property
    def formula(self) -> str:
        """See :attr:`Term.formula`."""
        return r"\frac{1}{3HW} \sum_i (x_i - \min(\max(x_i, 0), 1))^2"

    def __call__(self, canvas: Tensor, features: Features, target: Features) -> Tensor:
        """See :meth:`Term.__call__`."""
        return (canvas - canvas.clamp(0, 1)).square().mean()
