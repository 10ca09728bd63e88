"""Total variation: neighbouring pixels differ little (Mahendran & Vedaldi 2015, section 3)."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from impasto.losses.term import Features, Term


@dataclass(frozen=True, kw_only=True)
class TotalVariation(Term):
    """Mean squared difference of neighbours, ``Σ (x[i+1, j] - x[i, j])² + (x[i, j+1] - x[i, j])²`` over all values.

    Mahendran & Vedaldi 2015, equation 4 with β = 2, divided by the number of values.
    """

    name: ClassVar[str] = "tv"

    def __call__(self, canvas: Tensor, features: Features, target: Features) -> Tensor:
        """See :meth:`Term.__call__`."""
        return (canvas.diff(dim=2).square().sum() + canvas.diff(dim=3).square().sum()) / canvas.numel()
