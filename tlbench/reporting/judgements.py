"""How a judgement's numbers and the whole of it are put into words."""

from tlbench.regression.verdicts import Judgement
from tlbench.reporting.document import Text, prose
from tlbench.reporting.numbers import milliseconds


def sentence(judgement: Judgement) -> Text:
    """A judgement in words: what, where, how much, why, and what would decide it."""
    what = judgement.name if judgement.metric != "outcome" else ""
    seeds = f" ({judgement.seeds} seeds)" if judgement.seeds > 1 else ""
    parts = [f"{judgement.cell.label}{seeds}:", *filter(None, [what]), judgement.verdict]
    if judgement.base is not None and judgement.new is not None and judgement.verdict not in {"missing", "new"}:
        parts.append(f"({values(judgement)}{f', {change(judgement)}' if judgement.effect is not None else ''})")
    line = " ".join(parts)
    if judgement.reason and judgement.verdict not in {"unchanged"}:
        line += f"; {judgement.reason}"
    return (f"{line}; to decide: ", *prose(judgement.decide)) if judgement.decide else line


def values(judgement: Judgement) -> str:
    """Both numbers, each with its unit."""
    assert judgement.base is not None
    assert judgement.new is not None
    if judgement.metric == "accuracy":
        return f"{judgement.base:.1%} → {judgement.new:.1%}"
    if judgement.metric == "time":
        return f"{milliseconds(judgement.base)} → {milliseconds(judgement.new)} ms"
    if judgement.metric == "memory":
        return f"{judgement.base:.0f} → {judgement.new:.0f} MiB"
    return f"{judgement.base:,.10g} → {judgement.new:,.10g}"


def change(judgement: Judgement) -> str:
    """The effect with its interval: ``+1.2% (-0.5 to +3.0)``, in points for accuracies."""
    assert judgement.effect is not None
    unit = " points" if judgement.metric == "accuracy" else "%"
    if judgement.low is None or judgement.high is None:
        return f"{_hundredths(judgement.effect)}{unit}"
    return f"{_hundredths(judgement.effect)}{unit} ({_end(judgement.low)} to {_end(judgement.high)})"


def _end(value: float) -> str:
    return "?" if abs(value) == float("inf") or value <= -1 else _hundredths(value)


def _hundredths(value: float) -> str:
    """``+1.2`` of 0.012; what rounds to nothing has no sign."""
    shown = f"{value * 100:+.1f}"
    return "0.0" if shown in {"-0.0", "+0.0"} else shown
