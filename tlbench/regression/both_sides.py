"""Check that a cell succeeded on both sides and was measured twice, before any metric is compared. Pure."""

import math
from typing import Any

from tlbench.regression.entries import Draw, Entry
from tlbench.regression.matching import Couple
from tlbench.regression.metrics.base import Pair
from tlbench.regression.verdicts import OUTCOME, Judgement, Verdict

SAME = "both sides have the same measurement"
NOT_IN_BASE = "no such cell in the base"
ROUNDED = 1e-5
"""The relative tolerance of equal times: baselines have six significant digits."""


def both_sides(couple: Couple) -> Judgement | Pair:
    """The pair of entries to compare, or the judgement of a cell that failed or is missing on a side.

    Nothing is to be compared where the new side has the base's own measurement, because a run took its record over or
    because the base was saved from it. If only the step times were measured again, the pair has nothing else.
    """
    base, new = couple.base, couple.new
    verdict: Verdict
    if base is not None and new is not None:
        if base.ok and new.ok and not same_training(base, new):
            return base, new
        if base.ok and new.ok and not _same_times(base, new):
            return _times_alone(base), _times_alone(new)
        if base.ok and new.ok:
            verdict, reason = "same measurement", SAME
        elif base.ok:
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


def same_training(base: Entry, new: Entry) -> bool:
    """Whether all trainings of the new side are among those of the base."""
    return bool(new.measured) and base.cell.id == new.cell.id and set(new.measured) <= set(base.measured)


def _same_times(base: Entry, new: Entry) -> bool:
    """Whether both sides have the same steps, and the new side's newest measurement of each is one of the base."""
    before, now = ({(times.step, times.batch_size): times.draws for times in entry.times} for entry in (base, new))
    return before.keys() == now.keys() and all(
        any(_same_draw(draw, now[step][0]) for draw in draws) for step, draws in before.items()
    )


def _same_draw(one: Draw, other: Draw) -> bool:
    """Whether two measurements of a step are equal, up to the rounding of baselines."""
    return one.stable == other.stable and math.isclose(one.median, other.median, rel_tol=ROUNDED)


def _times_alone(entry: Entry) -> Entry:
    nothing: dict[str, Any] = {
        "counts": {},
        "state": {},
        "correct": None,
        "images": None,
        "right": None,
        "memory": (),
        "extra": {},
    }
    return entry.model_copy(update=nothing)


def _why(entry: Entry) -> str:
    """The status and the reason of a cell that failed, or why one that succeeded has no step times."""
    failure = entry.failure or "no reason given"
    return failure if entry.ok else f"{entry.status}: {failure}"
