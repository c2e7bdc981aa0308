"""What the gate finds and what it leaves alone: simulated suites with the noise of real A/A measurements."""

import math

import numpy as np
import pytest

from tests.noise import Step
from tests.regression.suites_in_turn import Make, bimodal, drifting, false_alarms, found_slower, noisy, real
from tlbench.regression.metrics import time
from tlbench.regression.verdicts import verdict_of

SUITES = 100


@pytest.mark.parametrize(("suites", "most"), [(50, 0), pytest.param(SUITES, SUITES // 100, marks=pytest.mark.slow)])
@pytest.mark.parametrize("make", [real, bimodal, drifting])
def test_identical_code_raises_a_false_alarm_in_one_suite_of_a_hundred_at_most(
    make: Make, suites: int, most: int
) -> None:
    assert false_alarms(make, suites) <= most


@pytest.mark.parametrize("suites", [40, pytest.param(SUITES, marks=pytest.mark.slow)])
def test_a_step_that_is_10_percent_slower_is_found_in_95_of_100_suites(suites: int) -> None:
    assert found_slower(suites) >= 0.95 * suites


@pytest.mark.parametrize("factor", [2, 10])
def test_rounds_that_hang_together_do_not_hide_a_step_twice_as_slow(factor: float) -> None:
    """Two processes of ten rounds: such ranks alone said `inconclusive` of 36 in 100, were it ten times as slow."""
    found = 0
    for seed in range(SUITES):
        generator = np.random.default_rng(3000 + seed)
        slower = Step(bimodal(generator).noise, slower=math.log(factor))
        evidence = time.of_pairs([slower.process(generator, 10) for _ in range(2)], 0.2, 2)
        found += verdict_of(evidence, 2 * evidence.p, time.LEVEL)[0] == "regressed"
    assert found == SUITES


def test_with_five_times_the_noise_it_is_inconclusive_and_more_rounds_decide_most() -> None:
    inconclusive, promised, kept = noisy(SUITES)
    assert inconclusive >= 0.95 * SUITES
    assert promised >= 0.5 * SUITES
    assert kept >= 0.5 * promised
