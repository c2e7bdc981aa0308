"""The Keras applications table: figures of original classifiers, with those that keras.io publishes. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tlbench.backbones import registry as backbones
from tlbench.backbones.spec import Published
from tlbench.core.text import DASH, percent, tenths
from tlbench.reporting import numbers
from tlbench.reporting.costs import TIMES, compared
from tlbench.reporting.document import Emphasis, Note, Section, Strong, Table, Text, compact
from tlbench.reporting.plots import Axis, Mark, Reading, Scatter
from tlbench.reporting.published import is_original, published_of
from tlbench.reporting.report import Report, RunRecord
from tlbench.reporting.views.names import names_of
from tlbench.reporting.views.relative import Place, TimeColumns
from tlbench.reporting.views.rows import UNSTABLE, dagger, times

WHERE = ("backend", "jit", "precision", "timing")
"""Settings of a cell that only affect its times: records that differ in nothing else are of one model."""
DEVICES = ("cpu", "gpu")
PUBLISHED = Axis("top1", "Top-1 on ImageNet, as published at keras.io")
CAPTION = (
    "Higher and further left is better; accuracies are those of keras.io and were not measured here.{joined} A mark is "
    "hollow where another one is at least as accurate and costs no more."
)
JOINED = " A line joins the models of one family."
LEGEND: Text = (
    "Each figure is followed by the one published at keras.io/api/applications and the difference in brackets, each "
    "time by a column of the published ones; a dash where there is none. Published times were taken on an AMD EPYC "
    "with 92 cores and a Tesla A100: they differ by the machine. Size (MB) is keras.io's name; its numbers are MiB "
    "(1,048,576 bytes), and so are those measured here. Accuracies called ",
    Emphasis("published"),
    " were not measured here.",
)


TAKE = "Take one of these, by what it may cost"
WHY = (
    ": {names}. For any other model of which both are known, one of these is at least as accurate and costs no more. "
    "Accuracies are those that keras.io publishes; the cost was measured here: {axis}."
)
UNSTEADY = " No time here is stable: models of nearly the same cost may change places."
UNKNOWN = " One of the two is not known of {names}."


def sections(report: Report) -> list[Section]:
    """A section with published accuracies over measured costs, if several original classifiers were measured."""
    drawn = scatter(report)
    if drawn is None:
        return []
    take = Note(((Strong(TAKE), answer(report, drawn)),))
    return [Section("Original classifiers: accuracy against cost", (take, drawn))]


def scatter(report: Report) -> Scatter | None:
    """Published accuracies over each cost that is known of several models; None if there is none."""
    of = originals(report)
    models, called = by_model(of), names(of)
    costs = compared(models)
    known = [{axis.key: one for axis, values in costs.items() if (one := values[at])} for at in range(len(models))]
    marks = tuple(filter(None, map(_mark, called, models, known)))
    axes = tuple(axis for axis in costs if sum(axis.key in mark.x for mark in marks) > 1)
    if len(marks) < 2 or not axes:
        return None
    drawn = Scatter("published", "Published top-1 against measured cost", PUBLISHED, axes, marks, "")
    return drawn.captioned(CAPTION, JOINED)


def answer(report: Report, drawn: Scatter) -> str:
    """The text after `TAKE`: the models on the Pareto front of the first cost, cheapest first.

    Then the models whose accuracy or cost is not known.
    """
    axis = drawn.xs[0]
    front, judged = drawn.undominated(axis), {mark.name for mark in drawn.drawn(axis)}
    best = sorted((mark for mark in drawn.marks if mark.name in front), key=lambda mark: mark.x[axis.key].value)
    take = ", ".join(
        f"{mark.name} ({percent(mark.y.value)}, {mark.x[axis.key].text.split(' to ')[0]})" for mark in best
    )
    unknown = [name for name in names(originals(report)) if name not in judged]
    said = WHY.format(names=take, axis=axis.label[0].lower() + axis.label[1:])
    if axis.key in TIMES and all(mark.x[axis.key].text.startswith(UNSTABLE) for mark in drawn.drawn(axis)):
        said += UNSTEADY
    return said + (UNKNOWN.format(names=", ".join(unknown)) if unknown else "")


def names(of: Sequence[RunRecord]) -> list[str]:
    """The names of the models, in the order of `by_model`."""
    return names_of([rows[0].record for rows in by_model(of)], lambda record: record.cell.backbone.label)


def originals(report: Report) -> list[RunRecord]:
    """The records of original classifiers."""
    return [row for row in report.rows if is_original(row.record) and row.record.status == "ok"]


def by_model(rows: Sequence[RunRecord]) -> list[list[RunRecord]]:
    """The records grouped by model, regardless of device, backend, precision and timing protocol."""
    models: dict[str, list[RunRecord]] = {}
    for row in rows:
        cell = row.record.cell.model_dump_json(exclude={"seed", *WHERE})
        models.setdefault(f"{cell} {row.record.fallbacks}", []).append(row)
    return list(models.values())


def _mark(name: str, rows: Sequence[RunRecord], known: Mapping[str, Reading]) -> Mark | None:
    record = rows[0].record
    published = published_of(record)
    if published is None or published.top1 is None:
        return None
    family = backbones.get(record.cell.backbone.name).family
    top1 = Reading(published.top1 / 100, f"{published.top1:.1f}% published")
    return Mark(name, family, top1, known)


@dataclass(frozen=True)
class Column:
    """A column of times.

    Attributes:
        key: the device, the backend and the precision.
        name: the name in headings: ``GPU``, ``GPU, jax``.
        how: how times are shown.
    """

    key: tuple[str, ...]
    name: str
    how: TimeColumns

    @property
    def place(self) -> Place:
        """The place of its times."""
        return self.key[0], "inference"

    def of(self, rows: Sequence[RunRecord]) -> list[RunRecord]:
        """The records of `rows` in this column."""
        return [row for row in rows if _key(row) == self.key]


def columns(rows: Sequence[RunRecord], among: Sequence[RunRecord]) -> list[Column]:
    """A column for each device, backend and precision, those of the CPU first."""
    keys = sorted(dict.fromkeys(filter(None, map(_key, rows))), key=lambda key: DEVICES.index(key[0]))
    found = []
    for key in keys:
        others = [other for other in keys if other[0] == key[0]]
        told = [part for place, part in enumerate(key) if place and len({other[place] for other in others}) > 1]
        mine = [row for row in rows if _key(row) == key]
        found.append(Column(key, ", ".join([key[0].upper(), *told]), TimeColumns.of(mine, among)))
    return found


def _key(row: RunRecord) -> tuple[str, ...]:
    cell, timings = row.record.cell, row.record.timings
    return (timings.device, cell.backend, cell.precision) if timings else ()


def table(rows: Sequence[RunRecord], times_of: Sequence[Column]) -> Table:
    """A table with a row for each model, and columns for the devices and backends that it was timed with."""
    measured = any(row.record.accuracy for row in rows)
    accuracies = ["Top-1 (%)", "Top-5 (%)"] if measured else ["Published top-1", "Published top-5"]
    headings = ["Model", "Size (MB)", *accuracies, "Parameters (M)", "Depth"]
    for device in DEVICES:
        there = [column for column in times_of if column.key[0] == device]
        headings += [heading for one in there for heading in one.how.headings([one.place], one.name)]
        headings.append(f"Published ({device.upper()})")
    named = zip(names(rows), by_model(rows), strict=True)
    lines = (cells(name, model, times_of, measured=measured) for name, model in named)
    return compact(Table.of(headings, lines, right=range(1, len(headings))))


def cells(name: str, rows: Sequence[RunRecord], times_of: Sequence[Column], *, measured: bool = True) -> list[Text]:
    """The row of a model, in the order of the headings.

    Args:
        name: the name of the model.
        rows: its records.
        times_of: the columns of times.
        measured: whether accuracies of some models were measured, so that each of the others is called published. If
            none was, the headings say so.
    """
    record = rows[0].record
    published = published_of(record) or Published(None, None, None, None, None, None, None)
    counts, accuracy = record.counts, record.accuracy
    return [
        name + dagger(record),
        _beside(counts.size_mb if counts else None, published.size_mb, 0),
        _accuracy(accuracy.top1 if accuracy else None, published.top1, mark=measured),
        _accuracy(accuracy.top5 if accuracy else None, published.top5, mark=measured),
        _beside(counts.params / 1e6 if counts else None, published.params_m, 1),
        _beside(counts.depth if counts else None, published.depth, 0),
        *_times(rows, "cpu", published.cpu_ms, times_of),
        *_times(rows, "gpu", published.gpu_ms, times_of),
    ]


def _beside(value: float | None, published: float | None, digits: int) -> str:
    """A value with the published one: ``87 (88, -1)``. The difference is taken after rounding as published."""
    if value is None:
        return DASH
    shown = f"{value:.{digits}f}"
    if published is None:
        return f"{shown} ({DASH})"
    return f"{shown} ({published:.{digits}f}, {_signed(round(value, digits) - published, digits)})"


def _accuracy(value: float | None, published: float | None, *, mark: bool) -> Text:
    """An accuracy in per cent, as `_beside`; if it was not measured the published one, marked if `mark` is set."""
    if value is not None:
        return _beside(tenths(value * 100), published, 1)
    if published is None:
        return DASH
    return (f"{published:.1f} ", Emphasis("published")) if mark else f"{published:.1f}%"


def _times(rows: Sequence[RunRecord], device: str, published: float | None, times_of: Sequence[Column]) -> list[str]:
    there = [one for one in times_of if one.key[0] == device]
    measured = [text for one in there for text in times(one.of(rows), one.place, one.how)]
    return [*measured, DASH if published is None else numbers.milliseconds(published)]


def _signed(difference: float, digits: int) -> str:
    text = f"{difference:+.{digits}f}"
    return "=" if float(text) == 0 else text
