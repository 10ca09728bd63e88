"""The self-similarity loss: what was alike in the content stays alike (Kolkin, Salavon & Shakhnarovich 2019, section 2.3)."""

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.nn import functional

from impasto.losses.term import Encode, Features, Term, promote

DISTANCES = "distances"


@dataclass(frozen=True, kw_only=True)
class SelfSimilarity(Term):
    """How differently far apart the canvas's places are from one another than the content's.

    Kolkin et al. 2019 (*Style Transfer by Relaxed Optimal Transport and Self-Similarity*), equation 8: a place is what all layers
    say of it together, ``D_ij`` the cosine distance of places i and j, and every column of ``D`` is divided by its sum. Nothing
    is asked of the features themselves, so that all colours and textures may change. The paper draws the places by lot; here
    they lie on an even grid, so that the loss is the same function at every step.

    Attributes:
        places: how many there are at most, spread evenly over the picture.
    """

    places: int = 1024
    name: ClassVar[str] = "selfsimilarity"
    role: ClassVar[str] = "content"
    source: ClassVar[Literal["content", "style"] | None] = "content"

    @property
    def formula(self) -> str:
        """See :attr:`Term.formula`."""
        return r"\frac{1}{n} \sum_{ij} \left| \frac{D_{ij}}{\sum_k D_{kj}} - \frac{\hat D_{ij}}{\sum_k \hat D_{kj}} \right|"

    def target(self, picture: Tensor, encode: Encode) -> Features:
        """See :meth:`Term.target`: the content's distances ``[n, n]``, divided by their columns' sums."""
        return {DISTANCES: self._distances(picture, encode(picture, self.layers))}

    def __call__(self, canvas: Tensor, features: Features, target: Features) -> Tensor:
        """See :meth:`Term.__call__`."""
        return (self._distances(canvas, features) - target[DISTANCES]).abs().sum() / len(target[DISTANCES])

    def _distances(self, picture: Tensor, features: Features) -> Tensor:
        """``D`` of a ``picture`` ``[1, 3, H, W]`` with these ``features``, every column divided by its sum."""
        height, width = picture.shape[2:]
        step = max(1.0, math.sqrt(height * width / self.places))
        rows, columns = (
            torch.linspace(-1, 1, 2 * max(1, int(side / step)) + 1, dtype=torch.float64)[1::2].to(picture) for side in (height, width)
        )
        grid = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), 2)[None]
        sampled = [
            functional.grid_sample(x.to(promote(x)), grid.to(promote(x)), padding_mode="border", align_corners=False)
            for x in (features[layer] for layer in self.layers)
        ]
        places = functional.normalize(torch.cat(sampled, 1)[0].flatten(1), dim=0)
        distances = 1 - places.mT @ places
        return distances / distances.sum(0).clamp_min(1e-6)
