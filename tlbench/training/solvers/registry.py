"""Head solvers by name. A new one is one file and one entry here."""

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
    """The solver called `name`, which tries its default settings, or all of the L2 `penalties` given.

    Raises:
        KeyError: there is no such solver, or it has no penalty.
    """
    if not penalties:
        return SOLVERS[name]()
    return PENALISED[name](tuple(penalties))
