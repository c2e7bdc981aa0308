"""The smallest p-values against the tests themselves: no data give less, and separate data give just that."""

import pytest

from tlbench.statistics.attainable import least_signed_rank, signed_rank_pairs
from tlbench.statistics.classification import mcnemar
from tlbench.statistics.ranks import signed_rank


@pytest.mark.parametrize("count", [1, 2, 6, 20])
def test_differences_of_one_sign_give_the_least(count: int) -> None:
    assert least_signed_rank(count) == pytest.approx(signed_rank([float(n) for n in range(1, count + 1)]).p)
    assert least_signed_rank(count) == pytest.approx(mcnemar(count, 0))


@pytest.mark.parametrize(("level", "tests"), [(0.05, 1), (0.05, 24), (0.01, 48), (1e-6, 1000), (1.0, 1)])
def test_so_many_reach_the_level_and_one_less_does_not(level: float, tests: int) -> None:
    pairs = signed_rank_pairs(level, tests)
    assert least_signed_rank(pairs) < level / tests
    if level < 1:
        assert least_signed_rank(pairs - 1) >= level / tests


@pytest.mark.parametrize(("level", "tests"), [(0.0, 1), (1.1, 1), (0.05, 0)])
def test_what_is_no_level_is_refused(level: float, tests: int) -> None:
    with pytest.raises(ValueError, match="a level of"):
        signed_rank_pairs(level, tests)


def test_no_differences_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        least_signed_rank(0)
