"""Judgements in words."""

from tlbench.core.text import tenths
from tlbench.regression.metrics.registry import METRICS
from tlbench.regression.verdicts import OUTCOME, Judgement
from tlbench.reporting.document import Text, prose

METHODS = {
    "McNemar": "by McNemar's test over the test images",
    "two proportions": "by a test of two proportions",
    "seeds": "by a test over seeds and test images",
}
"""What a sentence says of a reason that is the name of a test."""


def sentence(judgement: Judgement) -> Text:
    """A judgement in one sentence: cell, metric, verdict, values, reason, and what would decide it."""
    what = judgement.name if judgement.metric != OUTCOME else ""
    seeds = f" ({judgement.seeds} seeds)" if judgement.seeds > 1 else ""
    parts = [f"{judgement.of}{seeds}:", *filter(None, [what]), judgement.verdict]
    if judgement.base is not None and judgement.new is not None and judgement.verdict not in {"missing", "new"}:
        parts.append(f"({', '.join([values(judgement), *_change_or_not(judgement)])})")
    line = " ".join(parts)
    if judgement.reason and judgement.verdict not in {"unchanged"}:
        line += f"; {METHODS.get(judgement.reason, judgement.reason)}"
    return (f"{line}; to decide: ", *prose(judgement.decide)) if judgement.decide else line


def _change_or_not(judgement: Judgement) -> list[str]:
    if judgement.unjudged:
        return ["not judged"]
    return changes(judgement)


def changes(judgement: Judgement) -> list[str]:
    """The change, and what it was set off against, if anything; empty if no change is known."""
    return [change(judgement), *filter(None, [set_off(judgement)])] if judgement.effect is not None else []


def set_off(judgement: Judgement) -> str:
    """``set off against the machine, 1.10x as fast as before; -18.5% as timed``; empty if nothing was set off."""
    if judgement.bare is None or judgement.effect is None:
        return ""
    speed = (1 + judgement.effect) / (1 + judgement.bare)
    return f"set off against the machine, {speed:.2f}x as fast as before; {tenths(judgement.bare * 100):+.1f}% as timed"


def values(judgement: Judgement) -> str:
    """The values of both sides, with the unit."""
    assert judgement.base is not None
    assert judgement.new is not None
    metric = METRICS[judgement.metric]
    return f"{metric.written(judgement.base)} → {metric.written(judgement.new)} {judgement.unit}".rstrip()


def change(judgement: Judgement) -> str:
    """The effect with its interval: ``+1.2% (-0.5 to +3.0)``, in points for accuracies."""
    return METRICS[judgement.metric].written_change(judgement)
