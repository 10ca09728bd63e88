"""What is minimised: an encoder, terms, and the targets the terms were given."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from impasto.losses import Features, Term

Sources = Mapping[str, Sequence[tuple[float, Tensor]]]
"""The pictures the terms name as their sources, each with its share: ``{"content": [(1.0, picture)], "style": …}``."""


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

    def __init__(self, encoder: Encoder, terms: Sequence[Term], sources: Sources) -> None:
        """Encode the sources and set every term's targets.

        Args:
            encoder: what the terms see the pictures through.
            terms: the losses; one of weight 0 counts as 0 without being computed, nor are its layers.
            sources: the pictures the terms name, float ``[1, 3, h, w]``, with shares that a term's losses against them
                are added up with. For a term that is a squared distance of statistics, such as a Gram matrix, that is
                the same as aiming between the statistics.
        """
        self.encoder = encoder
        self.names = tuple(term.name for term in terms)
        self.terms = tuple(term for term in terms if term.weight != 0)
        self.layers = tuple(sorted({layer for term in self.terms for layer in term.layers}))
        # Of every term: a share and a target for each picture of its source.
        self.targets: list[list[tuple[float, Features]]] = []
        for term in self.terms:
            pictures = sources[term.source] if term.source else ()
            targets = [(share, term.target(picture.detach(), encoder)) for share, picture in pictures if share]
            detached = [(share, {name: tensor.detach() for name, tensor in target.items()}) for share, target in targets]
            self.targets.append(detached if term.source else [(1.0, {})])

    def __call__(self, canvas: Tensor) -> Evaluation:
        """Evaluate on a canvas, float ``[1, 3, H, W]``; differentiable with respect to it."""
        features = self.encoder(canvas, self.layers) if self.layers else {}
        terms = {name: canvas.new_zeros(()) for name in self.names}
        for term, targets in zip(self.terms, self.targets, strict=True):
            for share, target in targets:
                terms[term.name] = terms[term.name] + term.weight * share * term(canvas, features, target)
        return Evaluation(sum(terms.values(), canvas.new_zeros(())), terms)
