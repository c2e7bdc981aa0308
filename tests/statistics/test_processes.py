"""Differences over processes with offsets: against Student's t and the weighted mean where they must agree, and coverage."""

import numpy as np
import pytest
from scipy import stats

from tests.statistics.simulations import rate
from tlbench.statistics.moderated import Spread
from tlbench.statistics.processes import Further, next_process, over_processes

NOTHING = Spread(0.0, 0.0)


def test_without_noise_or_knowledge_it_is_students_t_of_the_centers() -> None:
    centers = [0.11, 0.08, 0.15]
    shift = over_processes([[center] * 20 for center in centers], 0.0, NOTHING)
    expected = stats.ttest_1samp(centers, 0.0)
    assert shift.p == pytest.approx(expected.pvalue)
    assert (shift.low, shift.high) == pytest.approx(tuple(expected.confidence_interval(0.95)))


def test_without_offsets_every_round_counts_as_much_as_any_other() -> None:
    shift = over_processes([[0.0] * 20, [0.1] * 60], 1.0, NOTHING)
    assert shift.estimate == pytest.approx(0.075)


def test_with_large_offsets_every_process_counts_as_much_as_any_other() -> None:
    shift = over_processes([[0.0] * 20, [0.1] * 60], 0.1, Spread(100.0, 1000))
    assert shift.estimate == pytest.approx(0.05, abs=1e-4)


@pytest.mark.parametrize("offset", [0.0, 0.01, 0.03])
@pytest.mark.parametrize("rounds", [(20, 20), (20, 100), (20, 100, 100, 100)])
def test_the_interval_holds_the_truth_whatever_processes_add(rounds: tuple[int, ...], offset: float) -> None:
    """An interval of the rounds alone held it in 70 of 100 cases at an offset of 2 %."""
    known, held = Spread(max(offset, 0.003) ** 2, 8), []
    for seed in range(300):
        generator = np.random.default_rng([7, seed])
        processes = [generator.normal(generator.normal(0, offset), 0.1, count).tolist() for count in rounds]
        shift = over_processes(processes, 0.1, known)
        assert shift.low is not None
        assert shift.high is not None
        held.append(shift.low <= 0 <= shift.high)
    assert rate(held).high >= 0.95
    assert rate(held).share >= 0.92


def test_one_process_or_one_without_rounds_is_refused() -> None:
    with pytest.raises(ValueError, match="one process says nothing of the next"):
        over_processes([[0.1, 0.2]], 0.1, NOTHING)
    with pytest.raises(ValueError, match="no differences, no test"):
        over_processes([[0.1, 0.2], []], 0.1, NOTHING)


def test_one_more_process_measures_as_much_as_the_variance_needs() -> None:
    processes, deviation, offsets = [[0.1] * 20, [0.1] * 40], 0.1, Spread(0.01**2, 1e9)
    further = next_process(processes, deviation, offsets, 0.9e-4)
    reached = 1 / sum(1 / (0.01**2 + deviation**2 / count) for count in (20, 40, further.rounds))
    assert (reached, further.enough) == (pytest.approx(0.9e-4), True)


def test_no_rounds_make_up_for_processes() -> None:
    """Of three processes with offsets of 1 %, the mean has a deviation of at least 0.58 %."""
    processes, offsets = [[0.1] * 100] * 2, Spread(0.01**2, 1e9)
    assert next_process(processes, 0.01, offsets, 0.0065**2).enough
    beyond = next_process(processes, 0.01, offsets, 0.0057**2)
    assert (beyond.rounds, beyond.enough) == (pytest.approx(4.0), False)
    assert next_process(processes, 0.01, offsets, 0.01**2) == Further(0.0, enough=True)


def test_without_offsets_only_the_sum_of_rounds_counts() -> None:
    further = next_process([[0.0] * 20], 0.1, Spread(0.0, 1e9), 0.1**2 / 100)
    assert (further.rounds, further.enough) == (pytest.approx(80), True)
