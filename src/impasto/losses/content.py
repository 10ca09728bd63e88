"""The content loss: the canvas keeps the content's features (Gatys et al. 2016, section 2.1)."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor

from impasto.losses.term import Features, Term, energy, squared_error

_FORMULAS = {
    "relative": r"\frac{\sum_{ij} (F^l_{ij} - P^l_{ij})^2}{\sum_{ij} (P^l_{ij})^2}",
    "half": r"\frac{1}{2} \sum_{ij} (F^l_{ij} - P^l_{ij})^2",
    "sum": r"\sum_{ij} (F^l_{ij} - P^l_{ij})^2",
    "mean": r"\frac{1}{N_l M_l} \sum_{ij} (F^l_{ij} - P^l_{ij})^2",
}


@dataclass(frozen=True, kw_only=True)
class Content(Term):
    """Squared distance of the canvas's features F from the content's, P.

    Attributes:
        scale: what the sum over channels and positions is multiplied by: ``half`` is equation 1 of Gatys et al. 2016,
            ``½ |F - P|²``; ``sum`` is ``|F - P|²``; ``mean`` divides that by the number of values; ``relative`` (ours)
            divides it by ``|P|²``, so that one weight holds for every layer, encoder and picture size.
        bound: an error E beyond which a further ``steepness · (E - bound)²`` is added (ours), so that no painting gives up what it is of,
            however far a style is from the photograph, and others don't pay for that; None for no bound.
        steepness: see there.
    """

    bound: float | None = None
    steepness: float = 100.0
    scale: Literal["relative", "half", "sum", "mean"] = "relative"
    name: ClassVar[str] = "content"
    role: ClassVar[str] = "content"
    source: ClassVar[Literal["content", "style"] | None] = "content"

    @property
    def formula(self) -> str:
        """See :attr:`Term.formula`."""
        error = _FORMULAS[self.scale]
        return (
            error if self.bound is None else rf"\left(E_l + {self.steepness:g} \max(0, E_l - {self.bound:g})^2\right), \quad E_l = {error}"
        )

    def __call__(self, canvas: Tensor, features: Features, target: Features) -> Tensor:
        """See :meth:`Term.__call__`."""

        def loss(layer: str) -> Tensor:
            error = squared_error(features[layer], target[layer])
            if self.scale == "relative":
                error = error / energy(target[layer])
            else:
                error = error * {"half": 0.5, "sum": 1.0, "mean": 1 / target[layer].numel()}[self.scale]
            return error if self.bound is None else error + self.steepness * (error - self.bound).clamp_min(0).square()

        return self.over_layers(loss)
