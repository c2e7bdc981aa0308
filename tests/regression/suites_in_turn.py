"""Simulated suites of `tlbench ab`, with the noise of real A/A measurements, and what its gate says of them."""

import math
from collections import Counter
from collections.abc import Callable

import numpy as np

from tests.noise import ROUNDS, Step, evidence_of, judged, measure, recorded, resampled
from tlbench.regression.gates import Gates
from tlbench.regression.metrics import time
from tlbench.regression.verdicts import Verdict, verdict_of

CELLS = 24
"""Of a suite; each has two steps."""
GATE = Gates().everywhere()["time"]
TENTH = math.log(1.1)

Make = Callable[[np.random.Generator], Step]


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


def with_offsets(offset: float) -> Make:
    """Independent rounds of 10 %, and an offset of each process."""

    def noise(inner: np.random.Generator, rounds: int) -> list[float]:
        return list(inner.normal(0, offset) + inner.normal(0, 0.1, rounds))

    return lambda generator: Step(noise)


def of_one_step(make: Make, slower: float, draws: int) -> tuple[int, Counter[Verdict]]:
    """How often the interval of a step that is slower by this log ratio holds the truth, and its verdicts."""
    held, verdicts = 0, Counter[Verdict]()
    for seed in range(draws):
        generator = np.random.default_rng([3000, seed])
        evidence = evidence_of([Step(make(generator).noise, slower)], GATE, generator)
        verdicts += Counter(judged(evidence))
        held += evidence[0].low <= slower <= evidence[0].high
    return held, verdicts


def false_alarms(make: Make, suites: int) -> int:
    """In how many suites of identical code a step `regressed`."""
    alarms = 0
    for seed in range(suites):
        generator = np.random.default_rng(seed)
        steps = [make(generator) for _ in range(2 * CELLS)]
        alarms += "regressed" in measure(steps, GATE, generator)
    return alarms


def found_slower(suites: int) -> int:
    """In how many suites a step that is 10 % slower, beside others that are not, `regressed`."""
    found = 0
    for seed in range(suites):
        generator = np.random.default_rng(1000 + seed)
        steps = [real(generator) for _ in range(2 * CELLS - 1)] + [real(generator, slower=TENTH)]
        found += measure(steps, GATE, generator)[-1] == "regressed"
    return found


def noisy(suites: int) -> tuple[int, int, int]:
    """Of steps 10 % slower with five times the noise: how many are `inconclusive` after two processes, of how many it
    is said that a number of rounds decides, and how many of these are decided after one process of so many.
    """
    first: list[Verdict] = []
    promised = kept = 0
    for seed in range(suites):
        generator = np.random.default_rng(2000 + seed)
        step = Step(lambda inner, rounds: list(inner.normal(0, 0.5, rounds)), slower=TENTH)
        halves = [step.process(generator, ROUNDS) for _ in range(2)]
        evidence = time.of_pairs(halves, GATE, 1)
        first.append(verdict_of(evidence, evidence.p, time.LEVEL)[0])
        if evidence.decide == f"{evidence.more} more rounds":
            promised += 1
            again = time.of_pairs([*halves, step.process(generator, evidence.more)], GATE, 1)
            kept += verdict_of(again, again.p, time.LEVEL)[0] != "inconclusive"
    return first.count("inconclusive"), promised, kept
