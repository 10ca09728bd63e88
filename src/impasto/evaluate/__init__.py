"""Looking at what methods do: comparison sheets, and the studies of the literature, of a user's own pictures."""

from impasto.evaluate.compare import compare
from impasto.evaluate.figures import FIGURES, figure
from impasto.evaluate.series import Painted, Turn
from impasto.evaluate.sheet import Cell, sheet

__all__ = ["FIGURES", "Cell", "Painted", "Turn", "compare", "figure", "sheet"]
