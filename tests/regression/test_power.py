"""What the gate finds and what it leaves alone: simulated suites with the noise of real A/A measurements."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from tests.noise import ROUNDS, Step, measure, recorded, resampled
from tlbench.regression.gates import Gates
from tlbench.regression.metrics import time
from tlbench.regression.verdicts import Verdict, verdict_of

CELLS, SUITES = 24, 100
GATE = Gates().everywhere()["time"]
TENTH = math.log(1.1)


def real(generator: np.random.Generator, slower: float = 0.0) -> Step:
    del generator
    return Step(resampled(recorded()), slower)


def bimodal(generator: np.random.Generator) -> Step:
    """Each side is now and then 20 % slower for some rounds, whichever it is."""

    def noise(inner: np.random.Generator, rounds: int) -> list[float]:
        slow = np.repeat(inner.integers(0, 3, (2, rounds // 4 + 1)) == 0, 4, axis=1)[:, :rounds]
        return list(math.log(1.2) * (slow[1].astype(float) - slow[0]) + inner.normal(0, 0.05, rounds))

    return Step(noise)


def drifting(generator: np.random.Generator) -> Step:
    """The machine slows down by half during the rounds; who goes first in a round changes every time."""

    def noise(inner: np.random.Generator, rounds: int) -> list[float]:
        speed = np.linspace(0, 0.4, 2 * rounds) + np.cumsum(inner.normal(0, 0.02, 2 * rounds))
        first, second = speed[0::2], speed[1::2]
        swapped = np.arange(rounds) % 2 == 1
        return list(np.where(swapped, first - second, second - first) + inner.normal(0, 0.05, rounds))

    return Step(noise)


@pytest.mark.parametrize(("suites", "most"), [(50, 0), pytest.param(SUITES, SUITES // 100, marks=pytest.mark.slow)])
@pytest.mark.parametrize("make", [real, bimodal, drifting])
def test_identical_code_raises_a_false_alarm_in_one_suite_of_a_hundred_at_most(
    make: Callable[[np.random.Generator], Step], suites: int, most: int
) -> None:
    alarms = 0
    for seed in range(suites):
        generator = np.random.default_rng(seed)
        steps = [make(generator) for _ in range(2 * CELLS)]
        alarms += "regressed" in measure(steps, GATE, generator)
    assert alarms <= most


@pytest.mark.parametrize("suites", [40, pytest.param(SUITES, marks=pytest.mark.slow)])
def test_a_step_that_is_10_percent_slower_is_found_in_95_of_100_suites(suites: int) -> None:
    found = 0
    for seed in range(suites):
        generator = np.random.default_rng(1000 + seed)
        steps = [real(generator) for _ in range(2 * CELLS - 1)] + [real(generator, slower=TENTH)]
        found += measure(steps, GATE, generator)[-1] == "regressed"
    assert found >= 0.95 * suites


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


def test_with_five_times_the_noise_it_is_inconclusive_until_so_many_rounds_are_taken() -> None:
    first: list[Verdict] = []
    decided = 0
    for seed in range(SUITES):
        generator = np.random.default_rng(2000 + seed)
        noisy = Step(lambda inner, rounds: list(inner.normal(0, 0.5, rounds)), slower=TENTH)
        halves = [noisy.process(generator, ROUNDS) for _ in range(2)]
        evidence = time.of_pairs(halves, GATE, 1)
        first.append(verdict_of(evidence, evidence.p, time.LEVEL)[0])
        assert evidence.more > 0
        whole = [half + noisy.process(generator, evidence.more // 2) for half in halves]
        again = time.of_pairs(whole, GATE, 1)
        decided += verdict_of(again, again.p, time.LEVEL)[0] != "inconclusive"
    assert first.count("inconclusive") >= 0.95 * SUITES
    assert decided >= 0.8 * SUITES
