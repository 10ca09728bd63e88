"""A softmax over an encoder's features (Wang, Li & Vasconcelos, CVPR 2021, section 4)."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Smoothed:
    """An encoder seen through ``σ(F)_ik = exp(F_ik / T) / Σ_mn exp(F_mn / T)``, over all channels and positions of a layer.

    Attributes:
        encoder: any encoder.
        temperature: T, above 0.
    """

    encoder: Callable[[Tensor, Collection[str]], dict[str, Tensor]]
    temperature: float

    def __call__(self, picture: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """The smoothed features of ``picture`` ``[N, 3, H, W]`` at ``layers``, ``{layer: [N, C, h, w]}``, in float32 or better."""
        return {layer: self._smooth(x) for layer, x in self.encoder(picture, layers).items()}

    def _smooth(self, x: Tensor) -> Tensor:
        flat = x.flatten(1).to(torch.promote_types(x.dtype, torch.float32))
        return (flat / self.temperature).softmax(dim=1).view(x.shape)
