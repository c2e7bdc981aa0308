"""For the type checker: the Dense layer that a solver gave, in a test of a solver that gives one."""

from tlbench.training.solvers.base import DenseHead, Solved


def dense(solved: Solved) -> DenseHead:
    """The solved head. Raises AssertionError for another kind of head."""
    assert isinstance(solved.head, DenseHead)
    return solved.head
