"""The image-optimisation engine: objective, solvers and the pyramid; it doesn't know which paper it runs."""

from impasto.optimise.balance import Balance
from impasto.optimise.objective import Encoder, Evaluation, Objective, Sources
from impasto.optimise.pyramid import Keep, Level, Result, levels, optimise
from impasto.optimise.solvers import LBFGS, SGD, SOLVERS, Adam, RMSprop, Solver, TorchLBFGS

__all__ = [
    "LBFGS",
    "SGD",
    "SOLVERS",
    "Adam",
    "Balance",
    "Encoder",
    "Evaluation",
    "Keep",
    "Level",
    "Objective",
    "RMSprop",
    "Result",
    "Solver",
    "Sources",
    "TorchLBFGS",
    "levels",
    "optimise",
]
