"""One file per published loss; each is a :class:`Term`, a small object that is data and a pure function at once."""

from impasto.losses.content import Content
from impasto.losses.gamut import Gamut
from impasto.losses.gram import Gram, gram
from impasto.losses.term import Features, Term
from impasto.losses.total_variation import TotalVariation

__all__ = ["Content", "Features", "Gamut", "Gram", "Term", "TotalVariation", "gram"]
