"""What is minimised: an encoder, terms, and the targets the terms were given."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from impasto.losses import Features, Term


class Encoder(Protocol):
    """Anything that turns a picture into named features, like :class:`impasto.encoders.VGG`."""

    def __call__(self, picture: Tensor, layers: Sequence[str]) -> Features:
        """The features of ``picture`` ``[1, 3, H, W]`` at ``layers``, computing nothing deeper."""


@dataclass(frozen=True)
class Evaluation:
    """One evaluation of an objective: the total, and each term's weighted share of it; all scalars."""

    total: Tensor
    terms: Mapping[str, Tensor]


class Objective:
    """A weighted sum of terms on one level of the pyramid. The targets are computed here, once."""

    def __init__(self, encoder: Encoder, terms: Sequence[Term], sources: Mapping[str, Tensor]) -> None:
        """Encode the sources and set every term's target.

        Args:
            encoder: what the terms see the pictures through.
            terms: the losses; one of weight 0 counts as 0 without being computed, nor are its layers.
            sources: ``{"content": [1, 3, H, W], "style": [1, 3, h, w]}``, the pictures the terms name as their sources.
        """
        self.encoder = encoder
        self.names = tuple(term.name for term in terms)
        self.terms = tuple(term for term in terms if term.weight != 0)
        self.layers = tuple(sorted({layer for term in self.terms for layer in term.layers}))
        self.targets: list[Features] = []
        seen = {
            name: encoder(picture.detach(), sorted({layer for term in self.terms if term.source == name for layer in term.layers}))
            for name, picture in sources.items()
        }
        for term in self.terms:
            features = {layer: seen[term.source][layer] for layer in term.layers} if term.source else {}
            self.targets.append({layer: target.detach() for layer, target in term.target(features).items()})

    def __call__(self, canvas: Tensor) -> Evaluation:
        """Evaluate on a canvas, float ``[1, 3, H, W]``; differentiable with respect to it."""
        features = self.encoder(canvas, self.layers) if self.layers else {}
        terms = {name: canvas.new_zeros(()) for name in self.names}
        for term, target in zip(self.terms, self.targets, strict=True):
            terms[term.name] = terms[term.name] + term.weight * term(canvas, features, target)
        return Evaluation(sum(terms.values(), canvas.new_zeros(())), terms)
