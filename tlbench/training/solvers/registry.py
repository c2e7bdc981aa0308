"""Solvers of heads by the name a strategy gives; a new one is one file and one entry here."""

from collections.abc import Callable, Mapping, Sequence
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

PENALISED: Mapping[str, Callable[[tuple[float, ...]], HeadSolver]] = {
    "linear": partial(Linear, patience=None),
    "ridge": Ridge,
}


def solver_of(name: str, penalties: Sequence[float] = ()) -> HeadSolver:
    """The solver `name`, over its own path, or over all of these `penalties`.

    Raises KeyError for an unknown name, and for penalties of a solver that has none.
    """
    if not penalties:
        return SOLVERS[name]()
    return PENALISED[name](tuple(penalties))
