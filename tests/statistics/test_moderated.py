"""Shrunk variances against scipy's tests where nothing is shrunk, and against the model they are made for."""

import numpy as np
import pytest
from scipy import stats

from tlbench.statistics.moderated import Spread, common, difference, of_sum, shrunk, spread, together
from tlbench.statistics.ranks import Shift
from tlbench.statistics.runs import of_runs

NOTHING = Spread(0.0, 0.0)


@pytest.mark.parametrize(("first", "second"), [(2, 2), (3, 5), (4, 4)])
def test_without_a_prior_several_runs_a_side_are_students_test(first: int, second: int) -> None:
    draw = np.random.default_rng(first)
    base, new = draw.normal(size=first), draw.normal(1, 1, second)
    shift = of_runs([(base, new)], NOTHING)[0]
    expected = stats.ttest_ind(new, base)
    interval = expected.confidence_interval(0.95)
    assert shift.p == pytest.approx(expected.pvalue)
    assert (shift.low, shift.high) == (pytest.approx(interval.low), pytest.approx(interval.high))


def test_variances_of_their_own_are_welchs_test() -> None:
    draw = np.random.default_rng(1)
    first, second = draw.normal(size=5), draw.normal(1, 3, 8)
    parts = [Spread(spread(side).variance / len(side), spread(side).freedom) for side in (first, second)]
    shift = difference(first.mean(), second.mean(), of_sum(parts))
    assert shift.p == pytest.approx(stats.ttest_ind(first, second, equal_var=False).pvalue)


def test_a_sum_is_no_surer_than_asked_and_unknown_where_a_part_is() -> None:
    assert of_sum([Spread(1, 4), Spread(1, 4)]) == Spread(2, 8)
    assert of_sum([Spread(1, 4), Spread(1, 4)], most=6) == Spread(2, 6)
    assert of_sum([Spread(1, 4), NOTHING]) == NOTHING
    assert difference(1.0, 2.0, NOTHING).p == 1.0
    assert difference(1.0, 2.0, NOTHING).low is None


def test_values_that_happen_to_be_equal_show_nothing() -> None:
    assert difference(1.0, 1.5, Spread(0.0, 4)) == Shift(0.5, None, None, 1.0)


def test_shrinking_weighs_by_degrees_of_freedom() -> None:
    assert shrunk(Spread(4.0, 2), Spread(1.0, 6)) == Spread(1.75, 8)
    assert shrunk(Spread(4.0, 2), NOTHING) == Spread(4.0, 2)
    assert together([NOTHING, NOTHING]) == NOTHING


@pytest.mark.parametrize("freedom", [3.0, 8.0, 30.0])
def test_the_prior_of_many_cells_is_the_one_they_were_drawn_from(freedom: float) -> None:
    draw = np.random.default_rng(0)
    true = 2.0 * freedom / draw.chisquare(freedom, 20_000)
    prior = common(
        [Spread(variance * factor / 4, 4) for variance, factor in zip(true, draw.chisquare(4, 20_000), strict=True)]
    )
    # One standard error above the scatter: a little fewer degrees of freedom than the true ones, never more.
    assert 0.7 * freedom <= prior.freedom <= 1.05 * freedom
    assert prior.variance == pytest.approx(true.mean(), rel=0.1)


def test_equal_variances_give_a_sure_prior_and_no_or_one_variance_none() -> None:
    draw = np.random.default_rng(0)
    assert common([Spread(factor / 4, 4) for factor in draw.chisquare(4, 5000)]).freedom > 50
    assert common([Spread(1.0, 4)]) == NOTHING
    assert common([Spread(0.0, 4), Spread(0.0, 4), Spread(1.0, 4)]) == NOTHING


def test_moderated_p_values_are_uniform_under_the_model() -> None:
    draw, freedom = np.random.default_rng(3), 6.0
    p_values = []
    for _ in range(4000):
        deviation = np.sqrt(freedom / draw.chisquare(freedom))
        values = deviation * draw.normal(size=(2, 3))
        own = together([spread(values[0]), spread(values[1])])
        likely = shrunk(own, Spread(1.0, freedom))
        p_values.append(
            difference(values[0].mean(), values[1].mean(), Spread(likely.variance * 2 / 3, likely.freedom)).p
        )
    assert stats.kstest(p_values, "uniform").pvalue > 0.01


@pytest.mark.parametrize("value", [0.7, 0.75, 0.1, 2 / 3, 0.955])
def test_equal_values_do_not_vary_at_all_and_do_not_count_for_the_prior(value: float) -> None:
    """The sum of three 0.7 is not 2.1: a variance of 1e-32 has a logarithm, which would be unlike all others."""
    assert spread([value] * 3) == Spread(0.0, 2)
    others = [spread([0.8 - apart, 0.8, 0.8 + apart]) for apart in (0.009, 0.01, 0.011)]
    assert common([*others, spread([value] * 3)]) == common(others)
