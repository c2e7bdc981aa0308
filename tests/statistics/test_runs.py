"""Several runs a side are never weaker than one, and identical code is left alone."""

import math

import pytest

from tests.statistics.simulations import KNOWN, suites_of_runs
from tlbench.statistics.multiple import holm
from tlbench.statistics.runs import of_runs

SUITES = 1000


@pytest.mark.parametrize("runs", [1, 2, 3, 4, 8])
def test_ten_times_slower_is_beyond_doubt_after_holm_over_48_tests(runs: int) -> None:
    alarms, found, largest = suites_of_runs(20, runs, slower=10)
    assert found.hits == 20
    assert largest < 1e-6
    assert alarms.hits == 0


def test_each_run_adds_to_what_is_seen() -> None:
    """The same slowdown and the known spread: the adjusted p falls with every run a side."""
    deviation, last = math.sqrt(KNOWN.variance), 1.0
    for runs in (1, 2, 3, 4, 6, 8):
        pattern = [deviation * (-1) ** number for number in range(runs)] if runs > 1 else [0.0]
        slow = [math.log(1.5) + value for value in pattern]
        adjusted = holm([shift.p for shift in of_runs([(pattern, slow)] + [(pattern, pattern)] * 47, KNOWN)])[0]
        assert adjusted < last
        last = adjusted
    assert last < 1e-6


def test_a_machine_noisier_than_known_is_believed() -> None:
    noisy = [([0.0, 0.5, -0.5, 0.1], [0.4, -0.4, 0.2, 0.0])] * 10
    calm = ([0.0, 0.01, -0.01, 0.0], [0.2, 0.21, 0.19, 0.2])
    alone, among = of_runs([calm], KNOWN)[0], of_runs([*noisy, calm], KNOWN)[-1]
    assert alone.p < 0.01 < among.p


def test_an_empty_side_is_refused() -> None:
    with pytest.raises(ValueError, match="no values"):
        of_runs([([1.0], [])], KNOWN)


def test_identical_suites_raise_no_alarm() -> None:
    assert suites_of_runs(60, 4)[0].hits == 0


@pytest.mark.slow
@pytest.mark.parametrize("runs", [1, 2, 4, 6])
@pytest.mark.parametrize("factor", [1.0, 3.0])
def test_false_alarms_in_at_most_one_suite_of_a_hundred(runs: int, factor: float) -> None:
    assert suites_of_runs(SUITES, runs, factor=factor)[0].low <= 0.01


@pytest.mark.slow
@pytest.mark.parametrize("scale", [1.5, 2.0, 3.0])
@pytest.mark.parametrize("shared", [0.0, 0.5, 1.0])
def test_several_runs_on_a_noisier_machine_keep_the_level(scale: float, shared: float) -> None:
    assert suites_of_runs(SUITES, 4, scale, shared)[0].low <= 0.01
