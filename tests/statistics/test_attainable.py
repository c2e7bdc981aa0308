"""The smallest p-values against the tests themselves: no data give less, and separate data give just that."""

from collections.abc import Callable

import pytest

from tlbench.statistics.attainable import (
    least_mann_whitney,
    least_signed_rank,
    mann_whitney_runs,
    signed_rank_pairs,
)
from tlbench.statistics.paired import sign_flip
from tlbench.statistics.ranks import mann_whitney, signed_rank


@pytest.mark.parametrize(("first", "second"), [(1, 1), (2, 3), (4, 4), (3, 9), (8, 8)])
def test_mann_whitney_of_separate_samples_gives_the_least(first: int, second: int) -> None:
    apart = mann_whitney(list(range(first)), [100 + number for number in range(second)]).p
    assert least_mann_whitney(first, second) == pytest.approx(apart)


def test_four_against_four_cannot_reach_one_in_a_hundred() -> None:
    assert least_mann_whitney(4, 4) == pytest.approx(0.0286, abs=1e-4)
    assert mann_whitney_runs(0.01) == 5
    assert mann_whitney_runs(0.01, tests=48) == 8


@pytest.mark.parametrize("count", [1, 2, 6, 20])
def test_differences_of_one_sign_give_the_least(count: int) -> None:
    assert least_signed_rank(count) == pytest.approx(signed_rank([float(n) for n in range(1, count + 1)]).p)
    assert least_signed_rank(count) == pytest.approx(sign_flip([1] * count))


@pytest.mark.parametrize(("level", "tests"), [(0.05, 1), (0.05, 24), (0.01, 48), (1e-6, 1000), (1.0, 1)])
def test_so_many_reach_the_level_and_one_less_does_not(level: float, tests: int) -> None:
    runs, pairs = mann_whitney_runs(level, tests), signed_rank_pairs(level, tests)
    assert least_mann_whitney(runs, runs) < level / tests
    assert least_signed_rank(pairs) < level / tests
    if level < 1:
        assert least_mann_whitney(runs - 1, runs - 1) >= level / tests
        assert least_signed_rank(pairs - 1) >= level / tests


@pytest.mark.parametrize(("level", "tests"), [(0.0, 1), (1.1, 1), (0.05, 0)])
def test_what_is_no_level_is_refused(level: float, tests: int) -> None:
    with pytest.raises(ValueError, match="a level of"):
        mann_whitney_runs(level, tests)


def test_sides_without_values_are_refused() -> None:
    calls: tuple[Callable[[], float], ...] = (
        lambda: least_mann_whitney(0, 3), lambda: least_signed_rank(0),
    )  # fmt: skip
    for call in calls:
        with pytest.raises(ValueError, match="at least one"):
            call()
