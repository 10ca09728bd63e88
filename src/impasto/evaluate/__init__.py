"""Looking at what methods do: comparison sheets and the studies of the literature, of a user's own pictures; figures; classifiers.

What measures and scores paintings is in :mod:`impasto.evaluate.scoring` and :mod:`impasto.evaluate.grid`, what names pictures in
:mod:`impasto.evaluate.classifier`; their libraries take a while to import.
"""

from impasto.evaluate.compare import compare
from impasto.evaluate.figures import FIGURES, figure
from impasto.evaluate.series import Painted, Turn
from impasto.evaluate.sheet import Cell, sheet

__all__ = ["FIGURES", "Cell", "Painted", "Turn", "compare", "figure", "sheet"]
