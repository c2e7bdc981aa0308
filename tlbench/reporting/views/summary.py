"""The report on one screen of a terminal: the recommendation and a narrow table for each data set. Pure."""

from collections import Counter
from collections.abc import Sequence
from textwrap import wrap

from tlbench.core.text import DASH, counted, listed, percent, three_digits
from tlbench.reporting import numbers
from tlbench.reporting.costs import TIMES
from tlbench.reporting.document import Column, Document, Note, Section, Table, Text, compact
from tlbench.reporting.plots import Axis, Reading
from tlbench.reporting.published import published_of
from tlbench.reporting.report import Report, RunRecord
from tlbench.reporting.views import original, rows
from tlbench.reporting.views.choice import Decision, how_sure
from tlbench.reporting.views.names import labels_of
from tlbench.reporting.views.relative import SHARP, Place, TimeColumns, relative_of, sharp
from tlbench.reporting.views.rows import UNSTABLE
from tlbench.results.record import Record

UNIT = "Times: ms a batch of {batch} images{stable}."
REST = "The rest is in the report's files."
SEVERAL = (
    "Each cell counts once, as the first of the runs has it. `--format html=FILE` has the times of every run, and "
    "`tlbench compare` sets two runs against each other."
)
NO_TIMES = "The rest, with the times of each run, is in the report's files."
RELATIVE = (
    "Times with an x are relative to 1x, that of {anchor}, and were measured in turn with it. The ms in brackets were "
    "not; do not divide them."
)
SHAKY = f" {UNSTABLE} before an x: known to no better than {SHARP:.0%}."
HEADINGS = {key: f"{step[:5].capitalize()} {device.upper()}" for key, (device, step) in TIMES.items()} | {"size": "MiB"}
COLUMNS, TOP1 = 100, len("100.0% (99–100)")
MOST = 4
"""The most columns for costs."""
PADDING = 2
"""The number of spaces that tabulate adds to a heading."""


def document(report: Report, columns: int = COLUMNS) -> Document:
    """A section for each data set, and how many cells failed.

    columns: those of a terminal with fewer than `COLUMNS`, for which lines are broken earlier.
    """
    columns = min(columns, COLUMNS)
    how, several = TimeColumns.of(report.rows), len({row.run for row in report.rows}) > 1
    shown = TimeColumns.of(_shown(report), report.rows)
    sections: list[Section | Note] = []
    for one in report.decisions:
        of_runs = [Note(tuple(wrap(_of_runs(one, report.rows), columns)))] if several else []
        sections.append(Section(one.title, (one.choice, _trained(one, shown, columns), *of_runs)))
    if originals := original.originals(report):
        drawn = original.scatter(report)
        said = [Note(tuple(wrap(original.TAKE + original.answer(report, drawn), columns)))] if drawn else []
        table = compact(Table.of(*_original(originals, how), right=range(1, 6)))
        sections.append(Section("Original classifiers", (*said, table)))
    if how_sure_it_is := how_sure(report.decisions):
        sections.append(Note(tuple(wrap(f"How sure? {how_sure_it_is}", columns))))
    sections += _legend(report, shown, columns, several=several)
    troubled = [row for row in report.rows if row.record.trouble]
    if troubled:
        sections.append(Section("Cells that gave no numbers", (_failed(troubled),)))
    return Document(report.title, tuple(sections))


def _shown(report: Report) -> list[RunRecord]:
    """The records whose times are shown. If several runs were timed on a device, they are of one run only."""
    runs = {(TIMES[key][0], run) for one in report.decisions for key, run in one.timed_in.items()}
    devices = {device for device, _ in runs}
    return [
        row
        for row in report.rows
        if (timings := row.record.timings) is None or timings.device not in devices or (timings.device, row.run) in runs
    ]


def _of_runs(decision: Decision, every: Sequence[RunRecord]) -> str:
    """The run that each number of a table is from, and those of which there is none, since others have their cells."""
    cells = Counter(row.run for seeds in decision.recipes for row in seeds)
    shown = {axis.key for axis in _axes(decision)}
    times = dict.fromkeys(
        f"{TIMES[key][0].upper()} times are of {run}" for key, run in decision.timed_in.items() if key in shown
    )
    there = {row.record.cell_key for seeds in decision.recipes for row in seeds}
    runs = dict.fromkeys(row.run for row in every if row.record.accuracy and row.record.cell_key in there)
    first = ", ".join(f"{run} ({counted(cells[run], 'cell')})" for run in runs if cells[run])
    none = [run for run in runs if not cells[run] and run not in decision.timed_in.values()]
    why = f" Nothing here is of {listed(none)}, whose cells the others have too." if none else ""
    return "; ".join([f"Top-1 is of {first}", *times]) + f".{why}"


def _legend(report: Report, how: TimeColumns, width: int, *, several: bool) -> list[Note]:
    timed = [record for record in report.records if record.cell.timing and record.timings]
    shown = original.originals(report) or any(
        axis.key in TIMES for one in report.decisions for axis in one.choice.scatter.xs
    )
    runs = wrap(SEVERAL, width) if several else []
    if not timed:
        return [Note(tuple(runs))] if runs else []
    if not shown:
        return [Note(tuple(runs) or (NO_TIMES,))]
    batch = " or ".join(map(str, sorted({record.cell.timing.batch_size for record in timed if record.cell.timing})))
    unstable = any(not step.stable for record in timed if record.timings for step in record.timings.steps)
    stable = (
        "" if not unstable else f"; {UNSTABLE} marks one that is not stable" if how.marks else "; no time is stable"
    )
    said = RELATIVE.format(anchor=how.anchor) + (SHAKY if _any_shaky(report, how) else "")
    relative = wrap(said, width) if how.anchor else []
    return [Note((f"{UNIT.format(batch=batch, stable=stable)}{'' if runs else f' {REST}'}", *relative, *runs))]


def _failed(troubled: Sequence[RunRecord]) -> Table:
    columns = Column("Cell", width=38), Column("Status"), Column("Why, and what to do", width=46)
    lines = []
    for name, record in zip(labels_of(troubled), (row.record for row in troubled), strict=True):
        assert record.trouble is not None
        why = f"{_ended(record.trouble.message)} {record.trouble.advice}".strip()
        lines.append((name, record.status if record.status != "ok" else "untimed", " ".join(why.split())))
    return Table(columns, tuple(lines))


def _ended(message: str) -> str:
    """`message` with a full stop, unless it ends with another mark."""
    return message if message.endswith(("?", "!")) else f"{message.rstrip('.')}."


def _trained(decision: Decision, how: TimeColumns, columns: int) -> Table:
    """The table of a data set, the best first."""
    scatter, axes = decision.choice.scatter, _axes(decision)
    lines: list[tuple[Text, ...]] = []
    for place, mark in enumerate(scatter.marks):
        costs = [_cost(axis.key, mark.x.get(axis.key), how) for axis in axes]
        lines.append((mark.name, rows.with_interval(mark.y), decision.told(place), *costs))
    widths = [
        max(len(HEADINGS[axis.key]) + PADDING, *(len(str(line[3 + place])) for line in lines))
        for place, axis in enumerate(axes)
    ]
    best = max(len("Best?") + PADDING, *(len(decision.told(place)) for place in range(len(scatter.marks))), 0)
    others = sum(2 + width for width in widths) + 2 + TOP1 + 2 + best
    headings = (
        Column("Model and strategy", width=max(20, columns - others)),
        Column("Top-1", "right"),
        Column("Best?"),
        *(Column(HEADINGS[axis.key], "right") for axis in axes),
    )
    return compact(Table(headings, tuple(lines)))


def _axes(decision: Decision) -> list[Axis]:
    """The costs for which there is a column."""
    return [axis for axis in decision.choice.scatter.xs if axis.key in HEADINGS][:MOST]


def _cost(key: str, reading: Reading | None, how: TimeColumns) -> str:
    """A cost: ``23``, or ``1.79x (23)`` if the column has relative times."""
    if reading is None:
        return DASH
    number = reading.text.split(" ")[0]
    shown = number if how.marks else number.removeprefix(UNSTABLE)
    return _relative(TIMES.get(key), reading.relative, shown, how, known=reading.sharp)


def _relative(place: Place | None, ratio: float | None, number: str, how: TimeColumns, *, known: bool) -> str:
    if place not in how.anchors or number == DASH:
        return number
    mark = "" if known else UNSTABLE
    return f"{DASH if ratio is None else '1x' if ratio == 1 else f'{mark}{three_digits(ratio)}x'} ({number})"


def _any_shaky(report: Report, how: TimeColumns) -> bool:
    """Whether a relative time in the report is marked as imprecise."""
    rows = [*_shown(report), *original.originals(report)]
    found = [relative_of(row, place) for row in rows for place in how.anchors]
    return any(one is not None and not sharp(one) for one in found)


def _original(of: Sequence[RunRecord], how: TimeColumns) -> tuple[list[str], list[list[str]]]:
    headings = ["Model", "Top-1", "MiB", "Parameters", "Infer CPU", "Infer GPU"]
    return headings, [_classifier(*model, how) for model in zip(original.names(of), original.by_model(of), strict=True)]


def _classifier(name: str, model: Sequence[RunRecord], how: TimeColumns) -> list[str]:
    record = model[0].record
    counts = record.counts
    return [
        name,
        _top1(record),
        numbers.size(counts.size_mb if counts else None),
        numbers.count(counts.params if counts else None),
        *(_inference(model, (device, "inference"), how) for device in ("cpu", "gpu")),
    ]


def _inference(seeds: Sequence[RunRecord], place: Place, how: TimeColumns) -> str:
    by_run = rows.times_by_run(seeds, place, how, brief=place in how.anchors)
    run, text = next(iter(by_run.items()), ("", DASH))
    number = text.split(" ")[0]
    if number != DASH and place[0] in how.of_several_runs:
        number += f" [{run}]"
    found = next(filter(None, (relative_of(row, place) for row in seeds)), None)
    return _relative(place, found.estimate if found else None, number, how, known=found is None or sharp(found))


def _top1(record: Record) -> str:
    if record.accuracy:
        return percent(record.accuracy.top1)
    row = published_of(record)
    return f"{row.top1:.1f}% published" if row and row.top1 is not None else DASH
