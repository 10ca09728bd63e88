"""The image-optimisation engine: objective, solvers and the pyramid; it doesn't know which paper it runs."""

from impasto.optimise.objective import Evaluation, Objective
from impasto.optimise.pyramid import Level, Progress, Result, levels, optimise
from impasto.optimise.solvers import SOLVERS

__all__ = ["SOLVERS", "Evaluation", "Level", "Objective", "Progress", "Result", "levels", "optimise"]
