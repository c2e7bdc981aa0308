"""Check that a cell succeeded on both sides, before any metric is compared. Pure."""

from tlbench.regression.matching import Couple
from tlbench.regression.metrics.base import Pair
from tlbench.regression.verdicts import OUTCOME, Judgement, Verdict


def both_sides(couple: Couple) -> Judgement | Pair:
    """The pair of entries to compare, or the judgement of a cell that failed or is missing on a side."""
    base, new = couple.base, couple.new
    verdict: Verdict
    if base is not None and new is not None:
        if base.ok and new.ok:
            return base, new
        if base.ok:
            verdict, reason = "newly failing", f"{new.status}: {new.failure or 'no reason given'}"
        elif new.ok:
            verdict, reason = "fixed", f"it was {base.status} before"
        else:
            verdict, reason = "not comparable", f"{base.status} before, {new.status} now"
    elif new is not None:
        verdict, reason = "new", "no such cell in the base"
    else:
        verdict, reason = "missing", "the new side has no such cell"
    return Judgement(cell=couple.cell, metric=OUTCOME, name=OUTCOME, verdict=verdict, reason=reason)
