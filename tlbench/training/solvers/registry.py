"""Solvers of heads by the name a strategy gives; a new one is one file and one entry here."""

from collections.abc import Callable, Mapping
from functools import partial

from tlbench.training.solvers.base import HeadSolver
from tlbench.training.solvers.linear import Linear
from tlbench.training.solvers.neighbours import NearestMean, Neighbours
from tlbench.training.solvers.ridge import Ridge

SOLVERS: Mapping[str, Callable[..., HeadSolver]] = {
    "linear": Linear,
    "ridge": Ridge,
    "nearest_mean": NearestMean,
    "cosine": partial(NearestMean, metric="cosine"),
    "neighbours": Neighbours,
}
