"""The tones loss: light, shade and colours of the large lie where the photograph has them (ours)."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor
from torch.nn import functional

from impasto.losses.term import Encode, Features, Term, promote

TONES = "tones"
FLAT = 1e-3  # a variance, next to which what is all but flat has nothing to say


@dataclass(frozen=True, kw_only=True)
class Tones(Term):
    """Mean square difference of the canvas from the recoloured content, both reduced, relative to the latter's variance.

    The content is recoloured by the linear map that moves its colours least onto the style's (Pitié & Kokaram 2007, *The Linear
    Monge-Kantorovitch Linear Colour Mapping*), so that the style's palette is asked for, and reduced, so that strokes aren't forbidden.
    Features alone let a dark tower have a bright rim, a sky hills and a face blotches, as long as they are the style's.

    Attributes:
        reduced: how many pixels a side become one.
    """

    reduced: int = 4
    name: ClassVar[str] = TONES
    role: ClassVar[str] = TONES
    source: ClassVar[Literal["content", "style", "recoloured"] | None] = "recoloured"

    @property
    def formula(self) -> str:
        """See :attr:`Term.formula`."""
        return r"\frac{\frac{1}{N} \sum_i (\bar x_i - \bar c_i)^2}{\mathrm{Var}(\bar c) + \epsilon}"

    def target(self, picture: Tensor, encode: Encode) -> Features:
        """See :meth:`Term.target`: the recoloured content, reduced."""
        return {TONES: self._reduced(picture)}

    def __call__(self, canvas: Tensor, features: Features, target: Features) -> Tensor:
        """See :meth:`Term.__call__`."""
        wanted = target[TONES]
        return (self._reduced(canvas) - wanted).square().mean() / (wanted.var((2, 3), correction=0).mean() + FLAT)

    def _reduced(self, picture: Tensor) -> Tensor:
        return functional.avg_pool2d(picture.to(promote(picture)), self.reduced, ceil_mode=True)
