"""The content loss: the canvas keeps the content's features (Gatys et al. 2016, section 2.1)."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from impasto.losses.term import Features, Term, relative_squared_error


@dataclass(frozen=True, kw_only=True)
class Content(Term):
    """Squared distance of features, relative to the content's energy: ``mean over layers of |F - P|² / |P|²``.

    Gatys et al. 2016, equation 1, is ``½ |F - P|²``; dividing by ``|P|²`` instead makes one weight hold for every
    layer, encoder and picture size.
    """

    name: ClassVar[str] = "content"
    source: ClassVar[Literal["content", "style"] | None] = "content"

    def __call__(self, canvas: Tensor, features: Features, target: Features) -> Tensor:
        """See :meth:`Term.__call__`."""
        return torch.stack([relative_squared_error(features[layer], target[layer]) for layer in self.layers]).mean()
