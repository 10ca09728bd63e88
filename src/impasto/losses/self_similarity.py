"""The self-similarity loss: what was alike in the content stays alike (Kolkin, Salavon & Shakhnarovich 2019, section 2.3)."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor

from impasto.losses.hypercolumns import Hypercolumns, cosine
from impasto.losses.term import Encode, Features

DISTANCES = "distances"
PIXELS = "pixels"


@dataclass(frozen=True, kw_only=True)
class SelfSimilarity(Hypercolumns):
    """How differently far apart the canvas's places are from one another than the content's.

    Kolkin et al. 2019 (*Style Transfer by Relaxed Optimal Transport and Self-Similarity*), equation 8: a place is what all layers
    say of it together, ``D_ij`` the cosine distance of places i and j, and every column of ``D`` is divided by its sum. Nothing
    is asked of the features themselves, so that all colours and textures may change.
    """

    name: ClassVar[str] = "selfsimilarity"
    role: ClassVar[str] = "content"
    source: ClassVar[Literal["content", "style"] | None] = "content"

    @property
    def formula(self) -> str:
        """See :attr:`Term.formula`."""
        return r"\frac{1}{n} \sum_{ij} \left| \frac{D_{ij}}{\sum_k D_{kj}} - \frac{\hat D_{ij}}{\sum_k \hat D_{kj}} \right|"

    def target(self, picture: Tensor, encode: Encode) -> Features:
        """See :meth:`Term.target`: the content's distances ``[n, n]``, divided by their columns' sums; or where places are drawn by
        lot its features, and under ``pixels`` itself.
        """
        features = encode(picture, self.layers)
        return {**features, PIXELS: picture} if self.lots else {DISTANCES: self._distances(picture, features)}

    def __call__(self, canvas: Tensor, features: Features, target: Features) -> Tensor:
        """See :meth:`Term.__call__`."""
        wanted = self._distances(target[PIXELS], target) if self.lots else target[DISTANCES]
        return (self._distances(canvas, features) - wanted).abs().sum() / len(wanted)

    def _distances(self, picture: Tensor, features: Features) -> Tensor:
        """``D`` of a ``picture`` ``[1, 3, H, W]`` with these ``features``, every column divided by its sum."""
        places = self.columns(picture, features, self.places)
        distances = cosine(places, places)
        return distances / distances.sum(0).clamp_min(1e-6)
