"""One file per published loss; each is a :class:`Term`, a small object that is data and a pure function at once."""

from impasto.losses.alpha_norm import AlphaNorm
from impasto.losses.content import Content
from impasto.losses.earth_mover import CloudMoments, EarthMover, Palette
from impasto.losses.gamut import Gamut
from impasto.losses.gram import Gram, gram
from impasto.losses.histogram import Histogram
from impasto.losses.laplacian import Laplacian
from impasto.losses.moments import Moments
from impasto.losses.mrf import MRF
from impasto.losses.neighbours import Neighbours, Splitting
from impasto.losses.self_similarity import SelfSimilarity
from impasto.losses.structure import Structure
from impasto.losses.term import Encode, Features, Term
from impasto.losses.tones import Tones
from impasto.losses.total_variation import TotalVariation

STYLE_LOSSES: dict[str, type[Term]] = {
    "gram": Gram,
    "moments": Moments,
    "histogram": Histogram,
    "mrf": MRF,
    "neighbours": Neighbours,
    "earthmover": EarthMover,
}
"""The terms that can take the place of a method's style term, by name; each needs no more than layers."""

CONTENT_LOSSES: dict[str, type[Term]] = {"features": Content, "structure": Structure, "selfsimilarity": SelfSimilarity}
"""The terms that can take the place of a method's content term, likewise."""

__all__ = [
    "CONTENT_LOSSES",
    "MRF",
    "STYLE_LOSSES",
    "AlphaNorm",
    "CloudMoments",
    "Content",
    "EarthMover",
    "Encode",
    "Features",
    "Gamut",
    "Gram",
    "Histogram",
    "Laplacian",
    "Moments",
    "Neighbours",
    "Palette",
    "SelfSimilarity",
    "Splitting",
    "Structure",
    "Term",
    "Tones",
    "TotalVariation",
    "gram",
]
