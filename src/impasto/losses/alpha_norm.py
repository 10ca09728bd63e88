"""The α-norm: pixels stay near the middle of the colour space (Mahendran & Vedaldi 2015, section 3)."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from impasto.losses.term import Features, Term


@dataclass(frozen=True, kw_only=True)
class AlphaNorm(Term):
    """How far pixels are from the centre of the colour space, ``‖x - c‖_α^α = Σ |x_i - c|^α``.

    Mahendran & Vedaldi 2015, section 3. A large α leaves all but the extreme values alone.

    Attributes:
        alpha: the exponent α, 1 or more.
        centre: what is subtracted from the picture, in [0, 1]; the paper's pictures have mean 0.
        units: what white is: 255 for a paper whose pixels run from 0 to 255.
        mean: divide by the number of values, so that one weight holds at every size.
    """

    alpha: float = 6.0
    centre: float = 0.5
    units: float = 1.0
    mean: bool = True
    name: ClassVar[str] = "alpha"
    role: ClassVar[str] = "alpha"

    @property
    def formula(self) -> str:
        """See :attr:`Term.formula`."""
        total = rf"\sum_i |x_i - {self.centre * self.units:g}|^{{{self.alpha:g}}}"
        return rf"\frac{{1}}{{3HW}} {total}" if self.mean else total

    def __call__(self, canvas: Tensor, features: Features, target: Features) -> Tensor:
        """See :meth:`Term.__call__`."""
        powers = ((canvas - self.centre) * self.units).abs().pow(self.alpha)
        return powers.mean() if self.mean else powers.sum()
