"""A comparison as people read it: one line a cell, in a terminal or in Markdown. Pure."""

from collections.abc import Iterable, Sequence

from tabulate import tabulate

from tlbench.regression.comparison import Compared, Comparison
from tlbench.regression.metrics.registry import METRICS, in_order
from tlbench.regression.verdicts import OUTCOME, WORST_FIRST, Judgement, Verdict
from tlbench.reporting.numbers import DASH

MARKS: dict[Verdict, str] = {
    "regressed": "✗",
    "newly failing": "✗",
    "missing": "✗",
    "inconclusive": "?",
    "improved": "✓",
    "fixed": "✓",
    "new": "+",
    "unchanged": "=",
    "not comparable": DASH,
}
LEGEND = "✗ regressed, ✓ improved, = unchanged, ? inconclusive, — not comparable; changes with their 95 % intervals."
MOST_LINES, ALIKE = 30, 3
BETWEEN = " · "


def text(comparison: Comparison) -> str:
    """For a terminal."""
    names, labels = _names(comparison), short_labels([cell.label for cell in comparison.cells])
    rows = [[cell.verdict, label, *_columns(cell, names)] for cell, label in zip(comparison.cells, labels, strict=True)]
    table = tabulate(rows, ["Verdict", "Cell", *names], disable_numparse=True)
    return "\n".join([headline(comparison), "", table, "", LEGEND, *_below(comparison, "")]) + "\n"


def markdown(comparison: Comparison) -> str:
    """For a pull request's comment or a job's summary."""
    bold: dict[Verdict, str] = {one: f"**{one}**" for one in ("regressed", "newly failing", "missing")}
    names, labels = _names(comparison), short_labels([cell.label for cell in comparison.cells])
    rows = [
        [bold.get(cell.verdict, cell.verdict), label, *_columns(cell, names)]
        for cell, label in zip(comparison.cells, labels, strict=True)
    ]
    table = tabulate(rows, ["Verdict", "Cell", *names], tablefmt="pipe", disable_numparse=True)
    title = f"## tlbench: {headline(comparison)}"
    return "\n".join([title, "", table, "", LEGEND, "", *_below(comparison, "- ")]) + "\n"


def headline(comparison: Comparison) -> str:
    """The verdict over all cells in one line, with how many cells have which."""
    counted = {verdict: sum(cell.verdict == verdict for cell in comparison.cells) for verdict in WORST_FIRST}
    parts = [f"{count} {verdict}" for verdict, count in counted.items() if count]
    many = f"{len(comparison.cells)} cell{'s' if len(comparison.cells) != 1 else ''}"
    if comparison.exit_code == 3:
        return f"nothing could be compared, of {many}"
    return f"{', '.join(parts)} (of {many}; {comparison.base.name} against {comparison.new.name})"


def short_labels(labels: Sequence[str]) -> list[str]:
    """Labels without the parts that all of several cells share: the head, the seed, mostly."""
    parts = [label.split(BETWEEN) for label in labels]
    if len(labels) < 2 or len({len(one) for one in parts}) > 1:
        return list(labels)
    differ = [len(set(column)) > 1 for column in zip(*parts, strict=True)]
    return [
        BETWEEN.join(part for part, kept in zip(one, differ, strict=True) if kept) or BETWEEN.join(one) for one in parts
    ]


def sentence(one: Judgement) -> str:
    """A judgement in words: what, where, how much, why."""
    what = one.name if one.metric != OUTCOME else ""
    seeds = f" ({one.seeds} seeds)" if one.seeds > 1 else ""
    parts = [f"{one.cell.label}{seeds}:", *filter(None, [what]), one.verdict]
    if one.base is not None and one.new is not None and one.verdict not in {"missing", "new"}:
        parts.append(f"({values(one)}{f', {change(one)}' if one.effect is not None else ''})")
    line = " ".join(parts)
    if one.reason and one.verdict not in {"unchanged"}:
        line += f"; {one.reason}"
    return f"{line}; to decide: {one.decide}" if one.decide else line


def values(one: Judgement) -> str:
    """Both numbers, with their unit."""
    assert one.base is not None
    assert one.new is not None
    metric = METRICS[one.metric]
    return f"{metric.written(one.base)} → {metric.written(one.new)} {one.unit}".rstrip()


def change(one: Judgement) -> str:
    """The effect with its interval: ``+1.2% (-0.5 to +3.0)``, in points for accuracies."""
    return METRICS[one.metric].written_change(one)


def _names(comparison: Comparison) -> list[str]:
    """Columns, metric by metric: one for each name, one for all exact numbers."""
    return list(
        dict.fromkeys(
            metric.plural if metric.exact else one.name
            for metric in in_order()
            for one in comparison.judgements
            if one.metric == metric.name
        )
    )


def _columns(cell: Compared, names: Sequence[str]) -> list[str]:
    alone = [one for one in cell.judgements if one.metric == OUTCOME]
    if alone:
        return [alone[0].reason, *[""] * (len(names) - 1)] if names else []
    columns = dict.fromkeys(names, "")
    for metric in in_order():
        judgements = [one for one in cell.judgements if one.metric == metric.name]
        if metric.exact:
            columns |= {metric.plural: _exact(judgements)} if metric.plural in columns else {}
        else:
            columns |= {one.name: _column(one) for one in judgements}
    return list(columns.values())


def _column(one: Judgement) -> str:
    if one.effect is None:
        return MARKS[one.verdict]
    return f"{MARKS[one.verdict]} {change(one).replace(' points', '')}"


def _exact(judgements: Sequence[Judgement]) -> str:
    changed = [one for one in judgements if one.verdict != "unchanged"]
    return ", ".join(f"{MARKS[one.verdict]} {one.name}" for one in changed) or MARKS["unchanged"]


def _below(comparison: Comparison, bullet: str) -> list[str]:
    """What the table cannot say: sentences on all that is not plain, reasons said once, notes."""
    plain: set[Verdict] = {"unchanged", "not comparable"}
    said = [line for verdict in WORST_FIRST if verdict not in plain for line in _said(comparison.of(verdict))]
    lines = said[:MOST_LINES]
    if len(said) > MOST_LINES:
        lines.append(f"and {len(said) - MOST_LINES} more, in the JSON")
    lines += _grouped(comparison.of("not comparable"))
    lines += comparison.notes
    return [f"{bullet}{line}" for line in lines]


def _said(judgements: Sequence[Judgement]) -> list[str]:
    """A sentence for each; one for all that are inconclusive for the same reason, where they are many."""
    alike: dict[tuple[str, str, str], list[Judgement]] = {}
    for one in judgements:
        alike.setdefault((one.metric, one.reason, one.decide), []).append(one)
    lines = []
    for (metric, reason, decide), several in alike.items():
        if several[0].verdict == "inconclusive" and len(several) > ALIKE:
            lines.append(f"{metric} inconclusive in {len(several)} cases: {reason}; to decide: {decide}")
        else:
            lines += [sentence(one) for one in several]
    return lines


def _grouped(judgements: Iterable[Judgement]) -> list[str]:
    reasons: dict[tuple[str, str], int] = {}
    for one in judgements:
        kind = one.name if one.metric == OUTCOME else METRICS[one.metric].plural or one.name
        reasons[kind, one.reason] = reasons.get((kind, one.reason), 0) + 1
    return [f"{kind} not comparable ({count}): {reason}" for (kind, reason), count in reasons.items()]
