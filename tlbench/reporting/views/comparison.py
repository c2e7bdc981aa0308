"""The view of a comparison: a row for each cell. Pure."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from tlbench.core.text import DASH, counted, listed
from tlbench.regression.comparison import Compared, Comparison
from tlbench.regression.metrics.registry import METRICS, in_order
from tlbench.regression.metrics.time import STEP_TIMES, UNTIMED
from tlbench.regression.verdicts import OUTCOME, WORST_FIRST, Judgement, Verdict
from tlbench.reporting.document import Document, Inline, Listing, Note, Strong, Table, Text, compact, prose
from tlbench.reporting.judgements import change, sentence, values
from tlbench.reporting.stand_ins import marked, note_on, of_comparison

MARKS: dict[Verdict, str] = {
    "regressed": "✗",
    "newly failing": "✗",
    "missing": "✗",
    "inconclusive": "?",
    "improved": "✓",
    "fixed": "✓",
    "new": "+",
    "unchanged": "=",
    "same measurement": DASH,
    "not comparable": DASH,
}
SIGNS = {
    "✗": "regressed or missing",
    "✓": "improved",
    "=": "unchanged",
    "?": "inconclusive",
    DASH: "not comparable",
}
CHANGES = "changes with their 95 % intervals, taken before rounding"
AMOUNT = re.compile(r"^(\d+) ")
"""The number at the start of what would decide a case: ``6 runs a side``."""
SET_OFF = (
    " Changes of times are set off against the machine's speed, which a reference workload shows: of two changes, as "
    "timed and in units of that workload's time, the smaller one counts. It need not be that of the ms shown."
)
IN_TURN = (
    " Changes of times are typical ratios of rounds that were measured in turn; the ms are medians of each side alone, "
    "so ms divided by ms may give another one."
)
NOT_COMPARED = "could not be compared"
UNJUDGED = "could not be judged"
COUNTS = "counts unchanged"
NOT_JUDGED = "not judged"
FAILING: frozenset[Verdict] = frozenset({"regressed", "newly failing", "missing"})
"""The verdicts that fail a job."""
MOST_LINES, ALIKE, MOST_REASONS = 30, 3, 3
BETWEEN = " · "


def document(comparison: Comparison) -> Document:
    """The headline, a table with a row for each cell, the worst first, and sentences on what it does not show."""
    cells = sorted(comparison.cells, key=lambda cell: WORST_FIRST.index(cell.verdict))
    names, marks = _names(comparison), of_comparison(comparison)
    short = short_labels([cell.label for cell in cells])
    labels = [marked(label, marks[cell.id].told) for label, cell in zip(short, cells, strict=True)]
    unjudged = _unjudged(comparison)
    verdicts = [_verdict(cell, unjudged) for cell in cells]
    seeds = _with_another_seed(comparison)
    rows = [
        (verdict, label, *_columns(cell, names, seeds.get(cell.id, {})))
        for verdict, label, cell in zip(verdicts, labels, cells, strict=True)
    ]
    # Columns in which nothing is comparable are left out: a sentence below the table says why.
    table = compact(Table.of(["Verdict", "Cell", *map(_heading(comparison), names)], rows))
    below = _below(comparison)
    legend = _legend(comparison, table)
    said = [Note((rests,))] if (rests := note_on(marks.values())) else []
    explained = [Note((legend,))] if legend else []
    listed_below = [Listing(tuple(below))] if below else []
    return Document(headline(comparison), (*said, table, *explained, *listed_below))


def _legend(comparison: Comparison, table: Table) -> str:
    """The signs that are in the table, and what its changes are; empty if it has neither."""
    parts = {part.split(" ")[0] for row in table.rows for text in row[2:] for part in str(text).split(", ")}
    signs = ", ".join(f"{sign} {meaning}" for sign, meaning in SIGNS.items() if sign in parts)
    judged = [each for each in comparison.judgements if each.metric != OUTCOME and not METRICS[each.metric].exact]
    changes = CHANGES if any(each.effect is not None for each in judged) else ""
    said = "; ".join(filter(None, (signs, changes)))
    of_times = [each for each in judged if METRICS[each.metric].machine_bound and each.effect is not None]
    if any(each.bare is not None for each in of_times):
        more = SET_OFF
    else:
        more = IN_TURN if comparison.of_times and of_times else ""
    return (f"{said}." if said else "") + more


def headline(comparison: Comparison) -> str:
    """One line with the number of cells by verdict."""
    order = sorted(comparison.cells, key=lambda cell: WORST_FIRST.index(cell.verdict))
    not_judged = _unjudged(comparison)
    verdicts = Counter(_called(cell, not_judged) for cell in order)
    many = counted(len(comparison.cells), "cell")
    sides = f"of {many}; {comparison.base.name} against {comparison.new.name}"
    if comparison.only_exact:
        alone = [cell for cell in comparison.cells if any(each.metric == OUTCOME for each in cell.judgements)]
        others = Counter(_called(cell, {}) for cell in order if cell in alone)
        start = f"{_counts(others)}; of the other {len(order) - len(alone)}, " if alone else ""
        return f"{start}only counts could be compared ({sides}); {_why_not(comparison.out_of_reach)}"
    if comparison.exit_code == 3 and not comparison.unjudged and not comparison.untimed:
        return f"nothing could be compared, of {many}"
    lost = f"; {_why_not(comparison.lost, NOT_COMPARED)}" if comparison.lost else ""
    unjudged = f"; {_why_not(comparison.unjudged, UNJUDGED)}" if comparison.unjudged else ""
    untimed = f"; {STEP_TIMES}: {UNTIMED}" if comparison.untimed else ""
    return f"{_counts(verdicts)}{_hidden(comparison)} ({sides}){lost}{unjudged}{untimed}"


def _hidden(comparison: Comparison) -> str:
    """The number of improvements in cells that are called by a worse verdict."""
    hidden = sum(
        judgement.verdict == "improved" and cell.verdict != "improved"
        for cell in comparison.cells
        for judgement in cell.judgements
    )
    return f"; {counted(hidden, 'number')} improved" if hidden else ""


def _counts(verdicts: Counter[str]) -> str:
    """``4 missing, 3 unchanged, 1 with unchanged counts alone``."""
    named = {COUNTS: "with unchanged counts alone", "same measurement": "with the same measurement on both sides"}
    named |= {verdict: f"with {verdict}" for verdict in verdicts if verdict.endswith(NOT_JUDGED)}
    return ", ".join(f"{count} {named.get(verdict, verdict)}" for verdict, count in verdicts.items())


def _why_not(out_of_reach: Sequence[Judgement], could: str = "could not") -> str:
    """The metrics that could not be compared, and why: ``accuracy and time could not: stand-ins differ: ...``."""
    kinds: dict[str, dict[str, None]] = {}
    for metric in in_order():
        for judgement in out_of_reach:
            if judgement.metric == metric.name:
                kinds.setdefault(judgement.reason, {})[metric.name] = None
    said = [f"{listed([*names])} {could}: {reason}" for reason, names in kinds.items()]
    more = [f"{len(said) - MOST_REASONS} more reasons below"] if len(said) > MOST_REASONS else []
    return "; ".join([*said[:MOST_REASONS], *more])


def short_labels(labels: Sequence[str]) -> list[str]:
    """Labels without the parts that are the same in all of them, often the head and the seed."""
    parts = [label.split(BETWEEN) for label in labels]
    if len(labels) < 2 or len(set(map(len, parts))) > 1:
        return list(labels)
    differ = [len(set(column)) > 1 for column in zip(*parts, strict=True)]
    shortened = [[part for part, kept in zip(label, differ, strict=True) if kept] for label in parts]
    return [BETWEEN.join(short or label) for short, label in zip(shortened, parts, strict=True)]


def _heading(comparison: Comparison) -> Callable[[str], str]:
    """A function that makes a column's heading from the name of its number, with the unit of changes in points."""
    points = {each.name for each in comparison.judgements if each.metric in METRICS and _of_points(each.metric)}
    return lambda name: f"{name} (points)" if name in points else name


def _of_points(metric: str) -> bool:
    return METRICS[metric].scale == "points"


def _unjudged(comparison: Comparison) -> Mapping[str, Sequence[str]]:
    """What numbers that could not be judged are called, by the id of the cell."""
    unjudged = {id(one) for one in comparison.unjudged}
    found = {
        cell.id: list(
            dict.fromkeys(METRICS[one.metric].plural or one.name for one in cell.judgements if id(one) in unjudged)
        )
        for cell in comparison.cells
    }
    return {cell: names for cell, names in found.items() if names}


def _verdict(cell: Compared, unjudged: Mapping[str, Sequence[str]]) -> Inline:
    return Strong(cell.verdict) if cell.verdict in FAILING else _called(cell, unjudged)


def _called(cell: Compared, unjudged: Mapping[str, Sequence[str]]) -> str:
    """The verdict; of an unchanged cell whose counts alone could be compared, or that has `unjudged` numbers, that."""
    if cell.verdict != "unchanged":
        return cell.verdict
    if cell.only_counts:
        return COUNTS
    return f"{listed(unjudged[cell.id])} {NOT_JUDGED}" if cell.id in unjudged else cell.verdict


def _names(comparison: Comparison) -> list[str]:
    """The names of the columns: one for each number, and one for all counts together."""
    return list(
        dict.fromkeys(
            metric.plural if metric.exact else judgement.name
            for metric in in_order()
            for judgement in comparison.judgements
            if judgement.metric == metric.name
        )
    )


def _with_another_seed(comparison: Comparison) -> dict[str, dict[str, str]]:
    """Where to look for numbers of cells whose seeds were judged together: by cell id and name, ``as seed 0``."""
    together: dict[str, dict[str, dict[str, str]]] = {}  # by metric and block
    for each in comparison.judgements:
        if each.seeds > 1:
            block = METRICS[each.metric].block(each.cell)
            together.setdefault(each.metric, {}).setdefault(block, {})[each.name] = f"as seed {each.cell.seed}"
    found: dict[str, dict[str, str]] = {}
    for metric, blocks in together.items():
        for cell in {each.cell.id: each.cell for each in comparison.judgements}.values():
            found.setdefault(cell.id, {}).update(blocks.get(METRICS[metric].block(cell), {}))
    return found


def _columns(cell: Compared, names: Sequence[str], elsewhere: Mapping[str, str]) -> list[str]:
    alone = [judgement for judgement in cell.judgements if judgement.metric == OUTCOME]
    if alone:
        return [alone[0].reason, *[""] * (len(names) - 1)] if names else []
    columns = dict.fromkeys(names, "") | {name: told for name, told in elsewhere.items() if name in names}
    for metric in in_order():
        judgements = [judgement for judgement in cell.judgements if judgement.metric == metric.name]
        if metric.exact:
            columns |= {metric.plural: _exact(judgements)} if metric.plural in columns else {}
        else:
            columns |= {judgement.name: _column(judgement) for judgement in judgements}
    return list(columns.values())


def _column(judgement: Judgement) -> str:
    if judgement.unjudged and not METRICS[judgement.metric].machine_bound:
        return f"{MARKS[judgement.verdict]} {values(judgement)}"
    if judgement.effect is None:
        return MARKS[judgement.verdict]
    return f"{MARKS[judgement.verdict]} {change(judgement).replace(' points', '')}"


def _exact(judgements: Sequence[Judgement]) -> str:
    changed = [judgement for judgement in judgements if judgement.verdict != "unchanged"]
    return ", ".join(f"{MARKS[judgement.verdict]} {judgement.name}" for judgement in changed) or MARKS["unchanged"]


def _below(comparison: Comparison) -> list[Text]:
    """Sentences below the table: decisive judgements, reasons why numbers are not comparable, and notes.

    Cells that only one side has are in the table, which says so.
    """
    plain: set[Verdict] = {"unchanged", "same measurement", "not comparable"}
    of_one_side: set[Verdict] = {"missing", "new"}
    said: list[Text] = []
    for verdict in WORST_FIRST:
        judgements = comparison.of(verdict) if verdict not in plain else []
        said += _said([each for each in judgements if each.metric != OUTCOME or verdict not in of_one_side])
    lines = said[:MOST_LINES]
    if len(said) > MOST_LINES:
        lines.append(f"and {len(said) - MOST_LINES} more, in the JSON")
    same = comparison.of("same measurement")
    not_judged = [f"{counted(len(same), 'cell')} not judged: {same[0].reason}"] if same else []
    return [*lines, *not_judged, *_grouped(comparison.of("not comparable")), *comparison.notes]


def _said(judgements: Sequence[Judgement]) -> list[Text]:
    """A sentence for each judgement, or a single one if many of a number are inconclusive for the same reason."""
    alike: dict[tuple[str, str, str], list[Judgement]] = {}
    for judgement in judgements:
        what = judgement.name if judgement.verdict == "inconclusive" else judgement.metric
        alike.setdefault((what, judgement.reason, AMOUNT.sub("", judgement.decide)), []).append(judgement)
    lines: list[Text] = []
    for (name, reason, decide), several in alike.items():
        if several[0].verdict == "inconclusive" and len(several) > ALIKE:
            amounts = {int(found[1]) for judgement in several if (found := AMOUNT.match(judgement.decide))}
            many = f"{'up to ' if len(amounts) > 1 else ''}{max(amounts)} " if amounts else ""
            start = f"{name} inconclusive in {len(several)} cases: {reason}; to decide: {many}"
            lines.append((start, *prose(decide)))
        else:
            lines += map(sentence, several)
    return lines


def _grouped(judgements: Iterable[Judgement]) -> list[str]:
    reasons: dict[tuple[str, str], int] = {}
    for judgement in judgements:
        name = judgement.name
        kind = name if judgement.metric == OUTCOME else METRICS[judgement.metric].plural or name
        reasons[kind, judgement.reason] = reasons.get((kind, judgement.reason), 0) + 1
    return [f"{kind} not comparable ({count}): {reason}" for (kind, reason), count in reasons.items()]
