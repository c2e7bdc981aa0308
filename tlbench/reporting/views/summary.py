"""The report in a screenful: what to take, and a narrow table of each data set. Pure."""

from collections.abc import Sequence

from tlbench.reporting import numbers
from tlbench.reporting.document import Column, Document, Note, Section, Table, Text, compact
from tlbench.reporting.numbers import DASH
from tlbench.reporting.plots import Choice
from tlbench.reporting.published import is_original, published_of
from tlbench.reporting.report import Report, RunRecord
from tlbench.reporting.views import choice, rows
from tlbench.results.record import Record

UNIT = "Times: ms a batch of {batch} images; ~ marks one that is not stable. The rest is in the report's files."
HEADINGS = {
    "inference-cpu": "Infer CPU",
    "inference-gpu": "Infer GPU",
    "training-cpu": "Train CPU",
    "training-gpu": "Train GPU",
    "size": "MiB",
}
COLUMNS, TOP1, BEST = 100, len("100.0% (99–100)"), len("Best?") + 2
MOST = 4
"""Costs that fit beside the rest."""
PADDING = 2
"""What tabulate adds to a heading."""


def document(report: Report) -> Document:
    """A section for each data set, and how many cells failed."""
    sections: list[Section | Note] = []
    for section in choice.sections(report):
        chosen = section.blocks[0]
        assert isinstance(chosen, Choice)
        sections.append(Section(section.heading, (chosen, _trained(chosen))))
    originals = [row for row in report.rows if is_original(row.record) and row.record.status == "ok"]
    if originals:
        heading = "Original classifiers"
        sections.append(Section(heading, (compact(Table.of(*_original(originals), right=range(1, 6))),)))
    batches = {record.cell.timing.batch_size for record in report.records if record.cell.timing and record.timings}
    if batches:
        sections.append(Note((UNIT.format(batch=" or ".join(map(str, sorted(batches)))),)))
    troubled = [record for record in report.records if record.trouble]
    if troubled:
        sections.append(Section("Cells that gave no numbers", (_failed(troubled),)))
    return Document(report.title, tuple(sections))


def _failed(troubled: Sequence[Record]) -> Table:
    columns = Column("Cell", width=38), Column("Status"), Column("Why, and what to do", width=46)
    lines = []
    for record in troubled:
        assert record.trouble is not None
        why = f"{record.trouble.message.rstrip('.')}. {record.trouble.advice}".strip()
        lines.append((record.cell.label, record.status if record.status != "ok" else "untimed", " ".join(why.split())))
    return Table(columns, tuple(lines))


def _trained(chosen: Choice) -> Table:
    """Best first; which may be the best is said in a column."""
    axes = [axis for axis in chosen.scatter.xs if axis.key in HEADINGS][:MOST]
    lines: list[tuple[Text, ...]] = []
    for place, mark in enumerate(chosen.scatter.marks):
        share = mark.y.text
        if mark.y.low is not None and mark.y.high is not None:
            share += f" ({mark.y.low * 100:.0f}–{mark.y.high * 100:.0f})"
        best = "leads" if place == 0 else "" if place in chosen.beaten[0] else "may be"
        costs = [mark.x[axis.key].text.split(" ")[0] if axis.key in mark.x else DASH for axis in axes]
        lines.append((mark.name, share, best, *costs))
    others = sum(2 + len(HEADINGS[axis.key]) + PADDING for axis in axes) + 2 + TOP1 + 2 + BEST
    columns = (
        Column("Model and strategy", width=max(20, COLUMNS - others)),
        Column("Top-1", "right"),
        Column("Best?"),
        *(Column(HEADINGS[axis.key], "right") for axis in axes),
    )
    return compact(Table(columns, tuple(lines)))


def _original(of: Sequence[RunRecord]) -> tuple[list[str], list[list[str]]]:
    headings = ["Model", "Top-1", "MiB", "Parameters", "Infer CPU", "Infer GPU"]
    return headings, [_classifier(seeds) for seeds in rows.by_row(of)]


def _classifier(seeds: Sequence[RunRecord]) -> list[str]:
    record = seeds[0].record
    counts = record.counts
    return [
        record.cell.backbone.label,
        _top1(record),
        numbers.size(counts.size_mb if counts else None),
        numbers.count(counts.params if counts else None),
        *(rows.time_of(seeds, device, "inference").split(" ")[0] for device in ("cpu", "gpu")),
    ]


def _top1(record: Record) -> str:
    if record.accuracy:
        return f"{record.accuracy.top1:.1%}"
    row = published_of(record)
    return f"{row.top1:.1f}% published" if row and row.top1 is not None else DASH
