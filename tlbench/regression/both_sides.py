"""Check that a cell succeeded on both sides, before any metric is compared. Pure."""

from tlbench.regression.entries import Entry
from tlbench.regression.matching import Couple
from tlbench.regression.metrics.base import Pair
from tlbench.regression.verdicts import OUTCOME, Judgement, Verdict

NOT_IN_BASE = "no such cell in the base"


def both_sides(couple: Couple) -> Judgement | Pair:
    """The pair of entries to compare, or the judgement of a cell that failed or is missing on a side."""
    base, new = couple.base, couple.new
    verdict: Verdict
    if base is not None and new is not None:
        if base.ok and new.ok:
            return base, new
        if base.ok:
            verdict, reason = "newly failing", _why(new)
        elif new.ok:
            verdict, reason = "fixed", f"it was {base.status} before"
        else:
            verdict, reason = "not comparable", f"{base.status} before, {new.status} now"
    elif new is not None and new.ok and not new.failure:
        verdict, reason = "new", NOT_IN_BASE
    elif new is not None:
        verdict, reason = "newly failing", f"{NOT_IN_BASE}, and it fails: {_why(new)}"
    else:
        verdict, reason = "missing", "the new side has no such cell"
    return Judgement(cell=couple.cell, metric=OUTCOME, name=OUTCOME, verdict=verdict, reason=reason)


def _why(entry: Entry) -> str:
    """The status and the reason of a cell that failed, or why one that succeeded has no step times."""
    failure = entry.failure or "no reason given"
    return failure if entry.ok else f"{entry.status}: {failure}"
