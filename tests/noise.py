"""Noise of real A/A measurements, drawn again: suites of identical or slowed cells for simulations.

data/aa_rounds.json holds log ratios of interleaved rounds of identical code, by step and process, as `tlbench ab` took
them on a shared machine with two cores (tests/benchmarks/record_noise.py wrote it).
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tlbench.regression import times
from tlbench.regression.verdicts import Evidence, Verdict, verdict_of
from tlbench.statistics.multiple import holm

RECORDED = Path(__file__).parent / "unit" / "data" / "aa_rounds.json"
BLOCK = 5
PROCESSES, ROUNDS, LONGEST = 4, 20, 5
"""As `tlbench ab` by default."""

Draw = Callable[[np.random.Generator, int], list[float]]
"""Log ratios of so many rounds of one process."""


def recorded() -> list[list[list[float]]]:
    """For each step, the log ratios of each of its processes."""
    content: list[list[list[float]]] = json.loads(RECORDED.read_text())["steps"]
    return content


def resampled(steps: Sequence[Sequence[Sequence[float]]]) -> Draw:
    """One step's noise: a process is drawn whole, its rounds in blocks, so that what hangs together stays together."""

    def make(generator: np.random.Generator) -> Draw:
        processes = steps[generator.integers(len(steps))]

        def draw(inner: np.random.Generator, rounds: int) -> list[float]:
            process = processes[inner.integers(len(processes))]
            found: list[float] = []
            while len(found) < rounds:
                begin = inner.integers(max(1, len(process) - BLOCK + 1))
                found += process[begin : begin + BLOCK]
            return found[:rounds]

        return draw

    return make  # type: ignore[return-value]


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
    return [verdict_of(one, p, times.LEVEL)[0] for one, p in zip(evidence, adjusted, strict=True)]


def measure(
    steps: Sequence[Step], gate: float, generator: np.random.Generator, processes: int = PROCESSES
) -> tuple[list[Verdict], list[Evidence]]:
    """Measure a suite as `tlbench ab` does, until each step is decided or has its processes; its verdicts."""
    taken = [[step.process(generator, ROUNDS)] for step in steps]
    for number in range(processes):
        evidence = [times.of_pairs(one, gate, len(steps)) for one in taken]
        verdicts = judged(evidence)
        if number + 1 == processes or "inconclusive" not in verdicts:
            break
        for step, one, found, verdict in zip(steps, taken, evidence, verdicts, strict=True):
            if verdict == "inconclusive":
                one.append(step.process(generator, min(max(found.more, ROUNDS), LONGEST * ROUNDS)))
    return verdicts, evidence
