"""The structure loss: what is where stays, whatever its colours and contrasts (Park & Lee 2019, section 3.2)."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from impasto.losses.term import Features, Term, promote

NOISE = 0.05  # of a channel's deviation, next to a mean activation of 1: a channel that is silent has nothing to say


@dataclass(frozen=True, kw_only=True)
class Structure(Term):
    """Mean squared distance of the canvas's features from the content's, every channel of both brought to mean 0 and deviation 1.

    Park & Lee 2019 (*Arbitrary Style Transfer with Style-Attentional Networks*) compare features so that the style may change a
    layer's means and deviations for nothing. The deviation has 0.05 added, so that channels that are all but constant stay so.
    """

    name: ClassVar[str] = "structure"
    role: ClassVar[str] = "content"
    source: ClassVar[Literal["content", "style"] | None] = "content"

    @property
    def formula(self) -> str:
        """See :attr:`Term.formula`."""
        return (
            r"\frac{1}{N_l M_l} \sum_{ij} \left(\frac{F^l_{ij} - \mu^l_i}{\sigma^l_i + \epsilon}"
            r" - \frac{P^l_{ij} - \hat\mu^l_i}{\hat\sigma^l_i + \epsilon}\right)^2"
        )

    def __call__(self, canvas: Tensor, features: Features, target: Features) -> Tensor:
        """See :meth:`Term.__call__`."""
        return self.over_layers(lambda layer: (_standard(features[layer]) - _standard(target[layer])).square().mean())


def _standard(features: Tensor) -> Tensor:
    x = features.to(promote(features))
    variance, mean = torch.var_mean(x, (2, 3), correction=0, keepdim=True)
    # The root's slope has no bound at 0.
    return (x - mean) / ((variance + 1e-8).sqrt() + NOISE)
