"""Block bootstrap against the same draws written out, against what an interval must never do, and its coverage."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tests.statistics.simulations import coverage, ratio_coverage
from tlbench.statistics import bootstrap
from tlbench.statistics.bootstrap import Statistic, block_length, over_rounds, ratio

DRAWS = 1000
TIMES = st.floats(1e-4, 1e3)
ROUNDS = st.lists(st.lists(TIMES, min_size=1, max_size=4), min_size=6, max_size=20)


@pytest.mark.parametrize("statistic", ["median", "mean"])
def test_it_equals_the_statistic_of_the_drawn_rounds_written_out(statistic: Statistic) -> None:
    generator = np.random.default_rng(0)
    rounds = [generator.gamma(3, size=size) for size in (2, 3, 1, 2, 2, 4, 2, 1, 2)]
    drawn = [
        getattr(np, statistic)(
            np.concatenate([np.tile(taken, int(often)) for taken, often in zip(rounds, row, strict=True)])
        )
        for row in bootstrap._drawn(9)
    ]
    blocks = 9 / block_length(9)
    share = stats.norm.cdf(stats.t.ppf(0.025, blocks - 1) * math.sqrt(blocks / (blocks - 1)))
    interval = over_rounds([taken.tolist() for taken in rounds], statistic)
    assert interval is not None
    assert (interval.low, interval.high) == pytest.approx(np.quantile(drawn, [share, 1 - share]))
    assert interval.estimate == pytest.approx(getattr(np, statistic)(np.concatenate(rounds)))


def test_drawn_series_are_as_long_as_the_true_one_and_made_of_blocks() -> None:
    counts = bootstrap._drawn(30)
    assert (counts.sum(axis=1) == 30).all()
    assert counts.mean(axis=0) == pytest.approx(np.ones(30), abs=0.15)
    assert [block_length(rounds) for rounds in (6, 7, 8, 26, 27, 200)] == [1, 1, 2, 2, 3, 5]


@settings(deadline=None)
@given(ROUNDS, st.sampled_from(["median", "mean"]))
def test_the_ends_hold_the_estimate_and_lie_within_the_samples(rounds: list[list[float]], statistic: Statistic) -> None:
    samples = np.concatenate(rounds)
    interval = over_rounds(rounds, statistic)
    assert interval is not None
    least, most = samples.min() * (1 - 1e-12), samples.max() * (1 + 1e-12)
    assert least <= interval.low <= interval.estimate * (1 + 1e-12)
    assert interval.estimate * (1 - 1e-12) <= interval.high <= most


@settings(deadline=None)
@given(ROUNDS)
def test_the_ends_of_a_ratio_lie_within_the_ratios_of_the_rounds(rounds: list[list[float]]) -> None:
    others = rounds[::-1]
    each = [np.median(after) / np.median(before) for before, after in zip(rounds, others, strict=True)]
    interval = ratio(rounds, others)
    assert interval is not None
    assert min(each) * (1 - 1e-9) <= interval.low <= interval.high <= max(each) * (1 + 1e-9)


def test_equal_samples_give_equal_answers() -> None:
    rounds = [[float(number), number + 0.5] for number in range(12)]
    first = over_rounds(rounds)
    bootstrap._drawn.cache_clear()
    assert over_rounds(rounds) == first


def test_fewer_than_six_rounds_have_no_interval() -> None:
    assert over_rounds([[1.0, 2.0]] * 5) is None
    assert over_rounds([[1.0]] * 5 + [[]]) is None
    assert ratio([[1.0]] * 5, [[1.0]] * 5) is None
    assert over_rounds([[1.0]] * 6) is not None


def test_speed_that_both_steps_shared_cancels() -> None:
    speed = np.exp(np.random.default_rng(0).normal(0, 0.5, 20))
    interval = ratio([[1.0 * each] for each in speed], [[3.0 * each] for each in speed])
    assert interval is not None
    assert (interval.low, interval.estimate, interval.high) == pytest.approx((3.0, 3.0, 3.0))


def test_steps_that_did_not_take_turns_and_times_of_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="took turns"):
        ratio([[1.0]] * 6, [[1.0]] * 7)
    with pytest.raises(ValueError, match="more than 0"):
        ratio([[0.0]] * 6, [[1.0]] * 6)


@pytest.mark.parametrize("statistic", ["median", "mean"])
def test_steps_of_a_round_do_not_pass_for_independent_ones(statistic: Statistic) -> None:
    assert coverage(200, 15, 0.9, statistic=statistic).high >= 0.95


@pytest.mark.slow
@pytest.mark.parametrize("statistic", ["median", "mean"])
@pytest.mark.parametrize("within", [0.5, 0.7, 0.9])
@pytest.mark.parametrize(("rounds", "least"), [(6, 0.90), (8, 0.90), (15, 0.93), (30, 0.93), (60, 0.93)])
def test_coverage(rounds: int, least: float, within: float, statistic: Statistic) -> None:
    assert coverage(DRAWS, rounds, within, statistic=statistic).high >= least


@pytest.mark.slow
@pytest.mark.parametrize("rounds", [8, 15, 30, 60])
@pytest.mark.parametrize("within", [0.5, 0.9])
def test_coverage_of_a_ratio_on_a_machine_whose_speed_wanders(rounds: int, within: float) -> None:
    assert ratio_coverage(DRAWS, rounds, within).high >= 0.94
