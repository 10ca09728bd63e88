"""What is minimised: an encoder, terms, and the targets the terms were given."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
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


class Targets:
    """Targets of style pictures, kept from one painting to the next, which finds them again where its levels have the same sizes."""

    def __init__(self) -> None:
        self._before: dict[Any, Features] = {}
        self._now: dict[Any, Features] = {}

    def __call__(self, term: Term, index: int, picture: Tensor, encoder: Encoder) -> Features:
        """What a ``term`` makes of a style ``picture``, the one at this ``index`` of its styles, seen through an ``encoder``."""
        key = (term, index, picture.shape)
        if key not in self._now:
            self._now[key] = self._before.pop(key) if key in self._before else _target(term, picture, encoder)
        return self._now[key]

    def turn(self) -> None:
        """Forget what the painting that has just ended had no use for."""
        self._before, self._now = self._now, {}


class Objective:
    """A weighted sum of terms on one level of the pyramid. The targets are computed here, once."""

    def __init__(self, encoder: Encoder, terms: Sequence[Term], sources: Sources, remembered: Targets | None = None) -> None:
        """Encode the sources and set every term's targets.

        Args:
            encoder: what the terms see the pictures through.
            terms: the losses; one of weight 0 counts as 0 without being computed, nor are its layers.
            sources: the pictures the terms name, float ``[1, 3, h, w]``, with shares that a term's losses against them
                are added up with. For a term that is a squared distance of statistics, such as a Gram matrix, that is
                the same as aiming between the statistics.
            remembered: targets of the styles that may be there already.
        """
        self.encoder = encoder
        self.content = next((picture for _, picture in sources.get("content", ())), None)
        self.turn = 0
        self.names = tuple(term.name for term in terms)
        self.terms = tuple(term for term in terms if term.weight != 0)
        self.layers = tuple(sorted({layer for term in self.terms for layer in term.layers}))
        # Of every term: a share and a target for each picture of its source.
        self.targets: list[list[tuple[float, Features]]] = []
        for term in self.terms:
            make = remembered if remembered and term.source == "style" else _fresh
            pictures = enumerate(sources[term.source]) if term.source else ()
            targets = [(share, make(term, index, picture, encoder)) for index, (share, picture) in pictures if share]
            self.targets.append(targets if term.source else [(1.0, {})])

    def __call__(self, canvas: Tensor) -> Evaluation:
        """Evaluate on a canvas, float ``[1, 3, H, W]``; differentiable with respect to it."""
        if self.turn == 0:
            self.targets = [
                [(share, _begun(term, target, canvas, self.content, self.encoder)) for share, target in targets]
                for term, targets in zip(self.terms, self.targets, strict=True)
            ]
        features = self.encoder(canvas, self.layers) if self.layers else {}
        terms = {name: canvas.new_zeros(()) for name in self.names}
        for term, targets in zip(self.terms, self.targets, strict=True):
            now = term.at(self.turn)
            for share, target in targets:
                terms[term.name] = terms[term.name] + term.weight * share * now(canvas, features, target)
        self.turn += 1
        return Evaluation(sum(terms.values(), canvas.new_zeros(())), terms)


def _target(term: Term, picture: Tensor, encoder: Encoder) -> Features:
    return {name: tensor.detach() for name, tensor in term.target(picture.detach(), encoder).items()}


@torch.no_grad()
def _begun(term: Term, target: Features, canvas: Tensor, content: Tensor | None, encoder: Encoder) -> Features:
    return term.begun(target, canvas, content, encoder)


def _fresh(term: Term, index: int, picture: Tensor, encoder: Encoder) -> Features:
    return _target(term, picture, encoder)
