"""Does a cell need more memory? Pure.

The peak of a process is one number a run, whose noise is that of allocators and threads: a few percent on identical
code (docs/methodology.md). One run a side is judged against that noise; several tell of their own noise as well.
"""

import math
from collections.abc import Iterator, Sequence

from tlbench.regression.entries import Entry
from tlbench.regression.matching import other_stand_ins
from tlbench.regression.metrics.base import Finding, Followed, Gate, Metric, Pair
from tlbench.regression.runs import Runs, evidence, shifts
from tlbench.statistics.moderated import Spread

NAME, UNIT, MIB = "peak memory", "MiB", 2**20
KNOWN = Spread((math.log(1.05) / 1.96) ** 2 / 2, 10)
"""Of the logarithm of one run's peak: two of identical code lie within 5 % of each other in 95 of 100 cases."""


class MemoryMetric(Metric):
    """The peak of the process that trained the cell."""

    name = "memory"
    summary = "peak memory of the process that trained the cell"
    gate = 0.10
    machine_bound = True

    def compare(self, pairs: Sequence[Pair], gate: Gate, tests: int) -> Iterator[Finding]:
        """The peak of each cell that has one on both sides."""
        taken = [(pair, why_not_memory(*pair)) for pair in pairs if pair[0].memory and pair[1].memory]
        cells = [Runs(base.memory, new.memory) for (base, new), reason in taken if not reason]
        judged = iter(zip(cells, shifts(cells, KNOWN), strict=True))
        for (base, new), reason in taken:
            peaks = (base.memory[0] / MIB, new.memory[0] / MIB)
            if reason:
                yield Finding(new.cell, NAME, UNIT, *peaks, reason=reason)
                continue
            cell, shift = next(judged)
            known = evidence(shift, cell, KNOWN, math.log1p(gate(new.cell)), self.level, tests)
            yield Finding(new.cell, NAME, UNIT, *peaks, evidence=known)

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
