"""The metric of exact numbers: counts of a model, and the memory of its state. No noise, no gate. Pure."""

import math
from collections.abc import Iterator, Sequence

from tlbench.regression.entries import EXACT, STATE, Entry
from tlbench.regression.metrics.base import NOT_AGAIN, Finding, Followed, Gate, Metric, Pair
from tlbench.regression.verdicts import Verdict

FOLLOWED = ("params", "flops")


class CountMetric(Metric):
    """Exact numbers of a model. An increase is a regression, a decrease an improvement."""

    name = "count"
    summary = "parameters, depth, size, FLOPs, memory of the model's state"
    exact = True
    repeats = False
    plural = "counts"

    def compare(self, pairs: Sequence[Pair], gate: Gate, tests: int) -> Iterator[Finding]:
        """As `Metric.compare`, with a final verdict for each number."""
        for base, new in pairs:
            counts = [(key, base.counts.get(key), new.counts.get(key)) for key in EXACT]
            counts += [(f"memory of {key}", base.state.get(key), new.state.get(key)) for key in STATE]
            for name, base_count, new_count in counts:
                if base_count is not None and new_count is not None:
                    verdict, effect = judged(base_count, new_count)
                    yield Finding(new.cell, name, "", base_count, new_count, verdict=verdict, effect=effect)
                elif base_count is not None:
                    yield Finding(new.cell, name, "", base_count, reason=NOT_AGAIN)

    def followed(self, entry: Entry) -> Iterator[Followed]:
        """The parameters and FLOPs."""
        for name, value in entry.counts.items():
            if name in FOLLOWED:
                yield Followed(name, "", value)

    def written(self, value: float) -> str:
        """Format a number with all digits: ``219,058``."""
        return f"{value:,.10g}"


def judged(base: float, new: float) -> tuple[Verdict, float]:
    """The verdict on an exact number, and its relative change as a fraction."""
    effect = new / base - 1 if base else (math.inf if new else 0.0)
    if math.isclose(base, new, rel_tol=1e-9):
        return "unchanged", effect
    return ("regressed" if new > base else "improved"), effect
