"""A spread does not grow with the number of looks; a range does."""

import numpy as np
import pytest

from tests.narrow import present
from tests.statistics.simulations import drifts, ranges, rate
from tlbench.statistics.drift import drift

COUNTS = (15, 50, 200)


def test_it_is_the_standard_deviation_of_normal_readings_relative_to_their_median() -> None:
    readings = np.random.default_rng(0).normal(3.0, 0.3, 100_000)
    assert drift(readings.tolist()) == pytest.approx(0.1, rel=0.02)
    assert drift((10 * readings).tolist()) == pytest.approx(drift(readings.tolist()))


def test_it_does_not_grow_with_the_number_of_looks_as_the_range_does() -> None:
    means = [drifts(400, count).mean() for count in COUNTS]
    assert max(means) / min(means) < 1.06
    assert ranges(400, 200).mean() > 1.5 * ranges(400, 15).mean()


def test_a_single_disturbance_leaves_it_and_a_slow_spell_does_not() -> None:
    steady = np.random.default_rng(1).normal(1, 0.01, 30)
    once, spell = steady.copy(), steady.copy()
    once[7] *= 5
    spell[10:16] *= 1.3
    assert drift(once.tolist()) == pytest.approx(drift(steady.tolist()), rel=0.25)
    assert present(drift(spell.tolist())) > 5 * present(drift(steady.tolist()))


def test_five_readings_are_too_few_and_times_of_nothing_refused() -> None:
    assert drift([1.0] * 5) is None
    assert drift([1.0] * 6) == 0.0
    with pytest.raises(ValueError, match="more than 0"):
        drift([0.0] * 6)


@pytest.mark.slow
def test_runs_called_drifting_do_not_become_more_with_the_number_of_looks() -> None:
    before = [rate(ranges(2000, count) > 0.2) for count in COUNTS]
    now = [rate(drifts(2000, count) > 0.08) for count in COUNTS]
    assert before[0].high < 0.5 < 0.9 < before[-1].low
    assert now[0].low >= now[1].low >= now[2].low
    assert now[0].high < 0.02
