"""Does a cell need more memory? Pure.

The peak of a process is one number a run, whose noise is that of allocators and threads: a few percent on identical
code (docs/methodology.md). It is judged by ranks where there are several runs a side, else against that noise.
"""

import math
from collections.abc import Iterator, Sequence
from statistics import median

from tlbench.regression.entries import Entry
from tlbench.regression.matching import other_stand_ins
from tlbench.regression.metrics.base import Finding, Followed, Metric, Pair, of_shift
from tlbench.regression.verdicts import Evidence
from tlbench.statistics.ranks import mann_whitney

NAME, UNIT, MIB = "peak memory", "MiB", 2**20
FEW_RUNS = 4
NOISE = 0.05
"""How far peaks of identical code were seen apart, rounded up."""


class MemoryMetric(Metric):
    """The peak of the process that trained the cell."""

    name = "memory"
    summary = "peak memory of the process that trained the cell"
    gate = 0.10
    machine_bound = True

    def compare(self, pairs: Sequence[Pair], gate: float, tests: int) -> Iterator[Finding]:
        """The peak of each cell that has one on both sides."""
        for base, new in pairs:
            if base.memory and new.memory:
                reason = why_not_memory(base, new)
                known = None if reason else evidence(base.memory, new.memory, gate)
                peaks = (base.memory[0] / MIB, new.memory[0] / MIB)
                yield Finding(new.cell, NAME, UNIT, *peaks, evidence=known, reason=reason)

    def followed(self, entry: Entry) -> Iterator[Followed]:
        """The peak of the newest run."""
        if entry.memory:
            yield Followed(NAME, UNIT, entry.memory[0] / MIB)

    def written(self, value: float) -> str:
        """Whole MiB."""
        return f"{value:.0f}"


def why_not_memory(base: Entry, new: Entry) -> str:
    """Why two peaks cannot be compared; empty where they can."""
    reason = other_stand_ins(base, new)
    if reason:
        return reason
    if base.machine != new.machine:
        return "taken on another machine"
    if base.trained_on != new.trained_on:
        return f"the base trained on {base.trained_on or 'what is not known'}, the new side on {new.trained_on}"
    return ""


def evidence(base: Sequence[int], new: Sequence[int], gate: float) -> Evidence:
    """From peaks in bytes, one a run. Effects are logarithms of ratios, new over base."""
    limit = math.log1p(gate)
    if len(base) >= FEW_RUNS and len(new) >= FEW_RUNS:
        shift = mann_whitney([math.log(peak) for peak in base], [math.log(peak) for peak in new])
        return of_shift(shift, limit, "more runs a side")
    effect = math.log(median(new) / median(base))
    noise = math.log1p(NOISE)
    p = 0.0 if abs(effect) > noise else 1.0
    return Evidence(effect, effect - noise, effect + noise, p, limit, "", f"{FEW_RUNS} runs a side")
