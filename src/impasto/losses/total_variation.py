"""Total variation: neighbouring pixels differ little (Mahendran & Vedaldi 2015, section 3)."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor
from torch.nn import functional

from impasto.losses.term import Features, Term, promote


@dataclass(frozen=True, kw_only=True)
class TotalVariation(Term):
    """How much neighbouring pixels differ, ``Σ ((x[i+1, j] - x[i, j])² + (x[i, j+1] - x[i, j])²)^(β/2)``.

    Mahendran & Vedaldi 2015; summed over channels too. A pixel on the lower or right border has nothing
    beyond it to differ from. Where the term names layers, x is the canvas's features there instead of its pixels.

    Attributes:
        beta: the exponent β, above 0; 2 is the plain sum of squares.
        units: what white is: 255 for a paper whose pixels run from 0 to 255.
        mean: divide by the number of values, so that one weight holds at every size.
        border: whether the last row and column count; Keras' example leaves them out.
    """

    beta: float = 2.0
    units: float = 1.0
    mean: bool = True
    border: bool = True
    name: ClassVar[str] = "tv"
    role: ClassVar[str] = "tv"

    @property
    def formula(self) -> str:
        """See :attr:`Term.formula`."""
        symbol, count = ("F", "N_l M_l") if self.layers else ("x", "3HW")
        squares = r"\left((x_{i+1,j} - x_{i,j})^2 + (x_{i,j+1} - x_{i,j})^2\right)".replace("x", symbol)
        total = rf"\sum_{{ij}} {squares}" + (f"^{{{self.beta / 2:g}}}" if self.beta != 2 else "")
        return rf"\frac{{1}}{{{count}}} {total}" if self.mean else total

    def __call__(self, canvas: Tensor, features: Features, target: Features) -> Tensor:
        """See :meth:`Term.__call__`."""
        if self.layers:
            return self.over_layers(lambda layer: self._variation(features[layer].to(promote(features[layer]))))
        return self._variation(canvas)

    def _variation(self, x: Tensor) -> Tensor:
        """Of a picture or of features, ``[1, C, H, W]``."""
        x = x * self.units
        down, right = x.diff(dim=2).square(), x.diff(dim=3).square()
        if self.beta == 2 and self.border:
            total = down.sum() + right.sum()
        else:
            if self.border:
                down, right = functional.pad(down, (0, 0, 0, 1)), functional.pad(right, (0, 1))
            else:
                down, right = down[..., :-1], right[..., :-1, :]
            # Flat places have slope 0 where the exponent is below 1, too.
            tiny = 0.0 if self.beta >= 2 else 1e-12
            total = (down + right + tiny).pow(self.beta / 2).sum()
        return total / x.numel() if self.mean else total
