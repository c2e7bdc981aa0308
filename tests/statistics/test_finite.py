"""Every function of the room refuses numbers that are not finite, wherever they stand."""

import importlib
import inspect
import math
import pkgutil
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tlbench.statistics
from tlbench.statistics import (
    attainable,
    best,
    bootstrap,
    changepoints,
    classification,
    correlated,
    crossing,
    drift,
    intervals,
    learning_curve,
    moderated,
    multiple,
    paired,
    processes,
    ranks,
    runs,
    trainings,
)
from tlbench.statistics.finite import check_finite, finite
from tlbench.statistics.moderated import Spread
from tlbench.statistics.ranks import Shift

X = "the place of a number"


class Array(list[Any]):
    """What a function takes as an array alone."""


SERIES = [1.0, 2.0, 4.0, 3.0, 5.0, 6.0, X]
ROUNDS = [[1.0, 2.0], [2.0, 1.0], [1.5, 1.1], [2.0, 1.7], [1.9, 1.0], [1.2, X]]
STEADY = [[1.0, 1.1]] * 6
ANSWERS = [[1, 0], [1, X], [0, 1]]
KNOWN = Spread(0.01, 10)
SEVERAL = trainings.of_accuracies([0.5, 0.6], 100)

CALLS: list[tuple[Callable[..., object], tuple[object, ...]]] = [
    (attainable.least_signed_rank, (X,)),
    (attainable.signed_rank_pairs, (X, 1)),
    (attainable.signed_rank_pairs, (0.05, X)),
    (best.intervals, ([SEVERAL], X)),
    (bootstrap.over_rounds, (ROUNDS,)),
    (bootstrap.over_rounds, (STEADY, "mean", X)),
    (bootstrap.ratio, (ROUNDS, STEADY)),
    (bootstrap.ratio, (STEADY, ROUNDS)),
    (bootstrap.ratio, (STEADY, STEADY, X)),
    (changepoints.changes_of_all, ([SERIES[:-1], SERIES],)),
    (changepoints.changes_of_all, ([SERIES[:-1]], X)),
    (classification.confusion, (Array([[0.5, X], [0.1, 0.9]]), Array([0, 1]))),
    (classification.confusion, (Array([[0.5, 0.5], [0.1, 0.9]]), Array([0, X]))),
    (classification.macro_f1, (Array([[1, X], [2, 3]]),)),
    (classification.top_k, (Array([[0.5, X], [0.1, 0.9]]), Array([0, 1]), 1)),
    (classification.top_k, (Array([[0.5, 0.5], [0.1, 0.9]]), Array([0, X]), 1)),
    (classification.expected_calibration_error, (Array([[0.5, X], [0.1, 0.9]]), Array([0, 1]))),
    (classification.expected_calibration_error, (Array([[0.5, 0.5], [0.1, 0.9]]), Array([0, X]))),
    (classification.mcnemar, (X, 3)),
    (classification.mcnemar, (3, X)),
    (correlated.correlated_signed_rank, ([SERIES],)),
    (correlated.correlated_signed_rank, ([SERIES[:-1]], X)),
    (crossing.crossing, ([1.0, 2.0], [1.0, X], [(0.0, 2.0), (0.0, 2.0)])),
    (crossing.crossing, ([1.0, X], [1.0, 2.0], [(0.0, 2.0), (0.0, 2.0)])),
    (crossing.crossing, ([1.0, 2.0], [1.0, 2.0], [(0.0, 2.0), (0.0, X)])),
    (drift.drift, (SERIES,)),
    (intervals.wilson, (X, 5)),
    (check_finite, (Array([[0.5, X], [0.1, 0.9]]),)),
    (intervals.wilson, (3, X)),
    (intervals.wilson, (3, 5, X)),
    (intervals.quantile, (SERIES, 0.5)),
    (intervals.quantile, (SERIES[:-1], X)),
    (learning_curve.of_epochs, ([*SERIES[:-1], *SERIES],)),
    (learning_curve.flat, (X,)),
    (moderated.spread, (SERIES,)),
    (moderated.Spread, (X, 3)),
    (moderated.Spread, (0.5, X)),
    (moderated.difference, (X, 1.0, KNOWN)),
    (moderated.difference, (1.0, X, KNOWN)),
    (moderated.difference, (1.0, 2.0, KNOWN, X)),
    (multiple.holm, ([0.1, X],)),
    (paired.paired_interval, ([0.5, X, 0],)),
    (paired.fisher, ((X, 5), (3, 5))),
    (paired.fisher, ((2, 5), (3, X))),
    (paired.two_proportions, ((X, 5), (3, 5))),
    (paired.two_proportions, ((2, 5), (3, X))),
    (processes.next_process, ([SERIES], 0.1, KNOWN, 0.01)),
    (processes.next_process, ([SERIES[:-1]], X, KNOWN, 0.01)),
    (processes.next_process, ([SERIES[:-1]], 0.1, KNOWN, X)),
    (processes.over_processes, ([SERIES, SERIES[:-1]], 0.1, KNOWN)),
    (processes.over_processes, ([SERIES[:-1], SERIES[:-1]], X, KNOWN)),
    (processes.over_processes, ([SERIES[:-1], SERIES[:-1]], 0.1, KNOWN, X)),
    (ranks.signed_rank, (SERIES,)),
    (ranks.signed_ranks, (Array(SERIES),)),
    (ranks.signed_rank, (SERIES[:-1], X)),
    (ranks.widened, (Shift(0.1, 0.0, 0.2, 0.3), X)),
    (runs.of_runs, ([([1.0, X], [1.0, 2.0])], KNOWN)),
    (runs.of_runs, ([([1.0, 2.0], [1.0, X])], KNOWN)),
    (trainings.of_accuracies, ([0.5, X], 100)),
    (trainings.of_accuracies, ([0.5, 0.6], X)),
    (trainings.of_answers, (ANSWERS,)),
    (trainings.without_seeds, (trainings.of_accuracies([0.5], 100), [0.5, X])),
]
TAKE_NO_NUMBERS = {
    "finite",
    "together",
    "common",
    "shrunk",
    "of_sum",
    "compare",
    "leads",
    "both",
    "block_length",
    "undominated",
}
"""Functions of values that were refused when they were made (`Spread`, `Trainings`), of counts of rounds, and one of
costs that may be unbounded."""


def filled(argument: object, number: float) -> object:
    """`argument` with `number` at the place of X."""
    if argument is X:
        return number
    if isinstance(argument, Array):
        return np.array([filled(each, number) for each in argument], dtype=float)
    if isinstance(argument, list | tuple):
        return type(argument)(filled(each, number) for each in argument)
    return argument


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(("function", "arguments"), CALLS, ids=[f"{f.__name__}-{n}" for n, (f, _) in enumerate(CALLS)])
def test_what_is_not_finite_is_refused(
    function: Callable[..., object], arguments: tuple[object, ...], number: float
) -> None:
    with pytest.raises(ValueError, match=r"finite|no variance|level of|shares from"):
        function(*(filled(argument, number) for argument in arguments))


def test_a_cost_may_be_unbounded_and_is_never_nan() -> None:
    assert best.undominated([[1.0, math.inf], [2.0, 1.0], [2.0, math.inf]]) == [0, 1]
    with pytest.raises(ValueError, match="one is nan"):
        best.undominated([[1.0, math.nan], [2.0, 1.0]])


def test_no_public_function_is_left_out() -> None:
    tested = {function.__name__ for function, _ in CALLS} | TAKE_NO_NUMBERS
    public = set()
    for module in pkgutil.iter_modules(tlbench.statistics.__path__):
        loaded = importlib.import_module(f"tlbench.statistics.{module.name}")
        public |= {
            name
            for name, function in inspect.getmembers(loaded, inspect.isfunction)
            if function.__module__ == loaded.__name__ and not name.startswith("_")
        }
    assert public <= tested


def test_the_message_names_the_number_and_its_place() -> None:
    with pytest.raises(ValueError, match="times must be finite, and number 2 of 3 is nan"):
        finite([1.0, math.nan, 2.0], "times")


def test_finite_numbers_come_back_as_floats_of_the_same_shape() -> None:
    assert finite([[1, 2], [3, 4]]).tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert finite([]).tolist() == []
