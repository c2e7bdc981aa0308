"""Counts of a model, and the bytes that its weights, gradients and optimizer need. Exact: no noise, no gate. Pure."""

import math
from collections.abc import Iterator, Sequence

from tlbench.regression.entries import EXACT, STATE, Entry
from tlbench.regression.metrics.base import Finding, Followed, Gate, Metric, Pair
from tlbench.regression.verdicts import Verdict

FOLLOWED = ("params", "flops")


class CountMetric(Metric):
    """More is `regressed`, fewer is `improved`."""

    name = "count"
    summary = "parameters, depth, size, FLOPs, memory of the model's state"
    exact = True
    repeats = False
    plural = "counts"

    def compare(self, pairs: Sequence[Pair], gate: Gate, tests: int) -> Iterator[Finding]:
        """Every count that both sides have."""
        for base, new in pairs:
            counts = [(key, base.counts.get(key), new.counts.get(key)) for key in EXACT]
            counts += [(f"memory of {key}", base.state.get(key), new.state.get(key)) for key in STATE]
            for name, base_count, new_count in counts:
                if base_count is not None and new_count is not None:
                    verdict, effect = judged(base_count, new_count)
                    yield Finding(new.cell, name, "", base_count, new_count, verdict=verdict, effect=effect)

    def followed(self, entry: Entry) -> Iterator[Followed]:
        """Parameters and FLOPs."""
        for name, value in entry.counts.items():
            if name in FOLLOWED:
                yield Followed(name, "", value)

    def written(self, value: float) -> str:
        """All digits: ``219,058``."""
        return f"{value:,.10g}"


def judged(base: float, new: float) -> tuple[Verdict, float]:
    """The verdict on an exact number, and its relative change."""
    effect = new / base - 1 if base else (math.inf if new else 0.0)
    if math.isclose(base, new, rel_tol=1e-9):
        return "unchanged", effect
    return ("regressed" if new > base else "improved"), effect
