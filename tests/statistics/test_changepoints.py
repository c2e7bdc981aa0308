"""Change points against a likelihood written out, clean steps, and noise of every correlation up to 0.8."""

from collections.abc import Sequence

import numpy as np
import pytest
from scipy import stats

from tests.statistics.simulations import COARSE, changes_in, correlated
from tlbench.statistics import changepoints
from tlbench.statistics.changepoints import CORRELATIONS, SHORTEST, ChangePoint, changes_of_all

SERIES = 1000


def change_points(values: Sequence[float]) -> list[ChangePoint]:
    """Of one series."""
    return changes_of_all([values])[0]


def deviance(values: np.ndarray, correlation: float, design: np.ndarray) -> float:
    """-2 / n of the profile log likelihood of normal AR(1) noise, by its whole covariance matrix."""
    count = len(values)
    apart = np.abs(np.subtract.outer(np.arange(count), np.arange(count)))
    inverse = np.linalg.inv(correlation**apart)
    fitted = design @ np.linalg.solve(design.T @ inverse @ design, design.T @ inverse @ values)
    squares = (values - fitted) @ inverse @ (values - fitted)
    return float(np.log(squares) + np.linalg.slogdet(correlation**apart)[1] / count)


@pytest.mark.parametrize("count", [6, 9, 25])
def test_the_likelihood_ratio_equals_generalised_least_squares_written_out(count: int) -> None:
    values = correlated(np.random.default_rng(count), 1, count, 0.5)
    mean = np.ones((count, 1))
    flat = min(deviance(values[0], rho, mean) for rho in CORRELATIONS)
    stepped = {
        (rho, place): deviance(values[0], rho, np.hstack([mean, np.arange(count)[:, None] >= place]))
        for rho in CORRELATIONS
        for place in range(SHORTEST, count - SHORTEST + 1)
    }
    statistic, place = changepoints._likelihood_ratio(values)
    assert statistic[0] == pytest.approx(flat - min(stepped.values()))
    assert place[0] == min(stepped, key=stepped.__getitem__)[1]


@pytest.mark.parametrize("count", [6, 7, 8, 10, 30])
def test_a_clear_step_is_seen_where_it_is(count: int) -> None:
    values = [1.0 + 0.3 * (number >= count // 2) + 0.001 * (number * 7 % 5) for number in range(count)]
    assert [change.index for change in change_points(values)] == [count // 2]


@pytest.mark.parametrize(
    ("count", "first", "seen"),
    [(6, 3, False), (8, 4, False), (9, 4, False), (10, 5, True), (10, 3, False), (12, 3, True), (30, 15, True)],
)
def test_two_values_show_a_step_if_few_of_their_orders_are_one(count: int, first: int, seen: bool) -> None:
    """Six tosses of a coin form a step in 2 of 64 cases. Exact: 2 / C(10, 5) = 0.0079, 2 / C(9, 4) = 0.0159."""
    changes = change_points([0.85 + 0.02 * (number >= first) for number in range(count)])
    assert [change.index for change in changes] == [first] * seen


def test_the_p_value_of_a_clean_step_is_fishers_exact_one() -> None:
    (change,) = change_points([0.85] * 5 + [0.87] * 5)
    assert change.p == pytest.approx(stats.fisher_exact([[5, 0], [0, 5]]).pvalue)


def test_three_values_that_are_rounded_show_a_step_that_is_large_beside_it() -> None:
    assert [change.index for change in change_points([10.1, 10.1, 10.2, 13.1, 13.3, 13.2])] == [3]


@pytest.mark.parametrize("kind", sorted(COARSE))
def test_coarse_noise_is_no_change(kind: str) -> None:
    """Of 64 series of six tosses of a coin, two were taken for a change."""
    assert all(changes_in(100, count, 0.0, noise=COARSE[kind])[0].hits <= 3 for count in (5, 6, 7, 12))


@pytest.mark.slow
@pytest.mark.parametrize("count", [5, 6, 7, 8, 10, 15, 20])
@pytest.mark.parametrize("kind", sorted(COARSE))
def test_false_changes_in_at_most_one_series_of_a_hundred_of_few_values(count: int, kind: str) -> None:
    assert changes_in(SERIES, count, 0.0, noise=COARSE[kind])[0].low <= 0.01


def test_a_jump_of_30_percent_in_3_percent_noise_is_seen_in_ten_runs() -> None:
    """The first version missed it in 20 of 20."""
    found = 0
    for seed in range(20):
        values = np.random.default_rng(seed).normal(1, 0.03, 10) * np.repeat([1, 1.3], 5)
        found += [change.index for change in change_points(values)] == [5]
    assert found >= 19


def test_equal_values_and_short_series_have_no_changes() -> None:
    assert changes_of_all([[], [1.0], [1.0] * 50, [0.0] * 8, [1.0, 1.0, 1.0, 2.0, 2.0]]) == [[]] * 5
    assert change_points([1 / 3, 1 / 3 + 1e-16, 1 / 3] * 5) == []


def test_several_changes_are_all_seen() -> None:
    noise = np.random.default_rng(0).normal(size=60)
    values = noise + 10 * np.repeat([0, 1, 0, 2], [15, 20, 10, 15])
    assert [change.index for change in change_points(values)] == [15, 35, 45]


def test_the_scale_of_a_series_does_not_matter() -> None:
    values = correlated(np.random.default_rng(2), 1, 20, 0.3)[0] + 8 * (np.arange(20) >= 9)
    (change,), (scaled,) = change_points(values), change_points((3e6 + 1e4 * values).tolist())
    assert change.index == scaled.index == 9
    assert change.p == pytest.approx(scaled.p)


def test_more_series_on_a_page_ask_for_clearer_steps() -> None:
    generator = np.random.default_rng(1)
    noise, others = generator.normal(size=10), correlated(generator, 200, 10, 0.0)
    small, large = ((noise + step * (np.arange(10) >= 5)).tolist() for step in (6, 9))
    assert [change.index for change in change_points(small)] == [5]
    assert changes_of_all([small, *others])[0] == []
    (alone,), (among,) = change_points(large), changes_of_all([large, *others])[0]
    assert alone.index == among.index == 5
    assert among.p == pytest.approx(201 * alone.p)


def test_the_tail_beyond_the_drawn_ratios_is_right_to_a_factor_of_two() -> None:
    ratios = np.sort(changepoints._likelihood_ratio(correlated(np.random.default_rng(9), 60_000, 8, 0.8))[0])
    null = changepoints._null(8)
    for chance in (0.05, 0.01, 1e-3):
        assert 0.5 * chance <= null.p(float(ratios[-int(chance * len(ratios))])) <= 2 * chance


def test_correlated_noise_is_no_change() -> None:
    """The first version saw one in 30 % of such series."""
    assert changes_in(200, 20, 0.6)[0].hits <= 6


@pytest.mark.slow
@pytest.mark.parametrize("count", [6, 7, 8, 10, 15, 20, 30, 60])
@pytest.mark.parametrize("correlation", [0.0, 0.2, 0.4, 0.6, 0.8])
def test_false_changes_in_at_most_one_series_of_a_hundred(count: int, correlation: float) -> None:
    assert changes_in(2 * SERIES, count, correlation)[0].low <= 0.01


@pytest.mark.slow
@pytest.mark.parametrize("count", [8, 20])
def test_false_changes_on_at_most_one_page_of_a_hundred(count: int) -> None:
    assert changes_in(SERIES, count, 0.8, series=20)[0].low <= 0.01


@pytest.mark.slow
@pytest.mark.parametrize(("count", "step", "least"), [(6, 10, 0.9), (10, 10, 0.95), (15, 6, 0.85), (30, 4, 0.85)])
def test_power(count: int, step: float, least: float) -> None:
    assert changes_in(SERIES, count, 0.0, step)[1].high >= least
