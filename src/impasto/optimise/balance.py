"""Automatic weights: no term's gradient outgrows its limit (Risser, Wilmot & Barnes 2017)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor


@dataclass(frozen=True)
class Balance:
    """Weights from gradient magnitudes: a term weighs ``min(1, T / |g|)``, g being its gradient with respect to the canvas.

    Losses differ by orders of magnitude from picture to picture, and so do the weights that suit them. What a term may
    do to the canvas is limited instead. A term whose gradient is within its limit keeps its own weight.

    Attributes:
        limits: T by the term's name, in the solver's units; 1 for a term that isn't named.
        relative: the limits are multiples of the shortest gradient, not lengths; for losses whose size says nothing.
        every: steps after which a level weighs its terms anew. In between the objective stays the same, which a solver
            that learns of its curvature needs; it begins afresh with the new weights.
    """

    limits: Mapping[str, float] = field(default_factory=dict)
    relative: bool = False
    every: int = 20

    def weights(self, gradients: Mapping[str, Tensor]) -> dict[str, float]:
        """The factor on each term, from the terms' ``gradients`` by name."""
        lengths = {name: float(gradient.norm()) for name, gradient in gradients.items()}
        unit = min((length for length in lengths.values() if length > 0), default=1.0) if self.relative else 1.0
        limits = {name: unit * self.limits.get(name, 1.0) for name in lengths}
        return {name: limits[name] / max(limits[name], length) for name, length in lengths.items()}
