"""Noise of real A/A measurements, drawn again: suites of identical or slowed cells for simulations.

data/aa_rounds.json holds log ratios of interleaved rounds of identical code, by step and process, as `tlbench ab` took
them on a shared machine with two cores (tests/benchmarks/record_noise.py wrote it).
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from tlbench.regression.metrics import time
from tlbench.regression.verdicts import Evidence, Verdict, verdict_of
from tlbench.statistics.multiple import holm

RECORDED = Path(__file__).parent / "data" / "aa_rounds.json"
BLOCK, LONG = 5, 60
PROCESSES, ROUNDS, LONGEST = 4, 20, 5
"""As `tlbench ab` by default."""

Draw = Callable[[np.random.Generator, int], list[float]]
"""Log ratios of so many rounds of one process."""


@cache
def recorded() -> list[list[float]]:
    """Log ratios of each process that gave many rounds: of a few, the median would be chance more than the process."""
    steps: list[list[list[float]]] = json.loads(RECORDED.read_text())["steps"]
    return [process for step in steps for process in step if len(process) >= LONG]


def resampled(processes: Sequence[Sequence[float]]) -> Draw:
    """Noise as `processes` had it. Rounds are drawn in blocks, so that what hangs together stays together; which side
    they count for is drawn once for each process, so that its own offset stays, and favours neither. What is drawn twice
    differs by next to nothing, as no two measurements are equal: ties have a null distribution of their own each.
    """

    def draw(generator: np.random.Generator, rounds: int) -> list[float]:
        process = processes[int(generator.integers(len(processes)))]
        sign, found = float(generator.choice([-1.0, 1.0])), list[float]()
        while len(found) < rounds:
            begin = int(generator.integers(len(process) - BLOCK + 1))
            found += [sign * one for one in process[begin : begin + BLOCK]]
        return [one + apart for one, apart in zip(found, generator.normal(0, 1e-9, rounds), strict=False)]

    return draw


@dataclass
class Step:
    """A simulated step: its noise, how much slower the new side is (log ratio), and what was measured so far."""

    noise: Draw
    slower: float = 0.0
    scale: float = 1.0

    def process(self, generator: np.random.Generator, rounds: int) -> list[float]:
        return [self.slower + self.scale * one for one in self.noise(generator, rounds)]


def judged(evidence: Sequence[Evidence]) -> list[Verdict]:
    adjusted = holm([one.p for one in evidence])
    return [verdict_of(one, p, time.LEVEL)[0] for one, p in zip(evidence, adjusted, strict=True)]


def measure(steps: Sequence[Step], gate: float, generator: np.random.Generator) -> list[Verdict]:
    """Measure a suite as `tlbench ab` does: until each step is decided or has its processes, flagged ones once more."""
    verdicts = once(steps, gate, generator)
    flagged = [number for number, verdict in enumerate(verdicts) if verdict == "regressed"]
    again = once([steps[number] for number in flagged], gate, generator) if flagged else []
    for number, verdict in zip(flagged, again, strict=True):
        verdicts[number] = verdict if verdict == "regressed" else "inconclusive"
    return verdicts


def once(steps: Sequence[Step], gate: float, generator: np.random.Generator) -> list[Verdict]:
    return judged(evidence_of(steps, gate, generator))


def evidence_of(steps: Sequence[Step], gate: float, generator: np.random.Generator) -> list[Evidence]:
    """The evidence with which `tlbench ab` ends its measurement of the steps of a suite."""
    taken = [[step.process(generator, ROUNDS)] for step in steps]
    evidence = [time.of_pairs(one, gate, len(steps)) for one in taken]
    for _ in range(PROCESSES - 1):
        for number, verdict in enumerate(judged(evidence)):
            if verdict == "inconclusive":
                rounds = min(max(evidence[number].more, ROUNDS), LONGEST * ROUNDS)
                taken[number].append(steps[number].process(generator, rounds))
                evidence[number] = time.of_pairs(taken[number], gate, len(steps))
    return evidence
