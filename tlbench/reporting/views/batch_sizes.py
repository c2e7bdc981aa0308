"""Inference at several batch sizes: images per second against batch size, and the latency of one image. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from tlbench.core.image_size import brief
from tlbench.reporting import numbers
from tlbench.reporting.document import Section, Table
from tlbench.reporting.numbers import DASH
from tlbench.reporting.plots import Curves, Line, Panel
from tlbench.reporting.report import Report
from tlbench.reporting.views.rows import UNSTABLE
from tlbench.results.measured import StepTiming
from tlbench.results.record import Record

CAPTION = (
    "Images a second at each batch size; both axes are drawn so that twice as many is as far everywhere to the right, "
    "and higher is better. A line that goes level has found the most that the machine does."
)
MOST = 8
"""Models in one picture: as many as can be told apart without colour."""


@dataclass(frozen=True)
class Timed:
    """A record of a model that was timed at more than one batch size, and its steps."""

    record: Record
    device: str
    steps: tuple[StepTiming, ...]


def sections(report: Report) -> list[Section]:
    """One section, where a model was timed at more than one batch size."""
    timed = by_model(report.records)
    return [Section("Inference by batch size", (picture(timed), table(timed)))] if timed else []


def by_model(records: Sequence[Record]) -> list[Timed]:
    """One for each model that was timed, since strategies, data and seeds share its inference."""
    timed: dict[tuple[str, str], Timed] = {}
    for record in records:
        steps = tuple(step for step in record.timings.steps if step.step == "inference") if record.timings else ()
        if record.timings and len(steps) > 1:
            timed.setdefault(
                (steps[0].measured_with, record.timings.device), Timed(record, record.timings.device, steps)
            )
    return list(timed.values())


def picture(timed: Sequence[Timed]) -> Curves:
    """Images a second against the batch size: the fastest models, where there are many."""
    fastest = sorted(timed, key=lambda one: -max(step.batch_size / step.median for step in one.steps))
    lines = tuple(
        Line(name, name, tuple((step.batch_size, step.batch_size / step.median) for step in steps))
        for one in fastest[:MOST]
        for name, steps in [(_name(one), sorted(one.steps, key=lambda step: step.batch_size))]
    )
    title = "Throughput by batch size" + (f": the fastest {MOST}" if len(timed) > MOST else "")
    return Curves("batch-sizes", title, "Batch size", (Panel("Images a second", lines),), CAPTION, log=True)


def _name(one: Timed) -> str:
    return f"{one.record.cell.backbone.label}, {brief(one.record.cell.image_size)} px, {one.device.upper()}"


def table(timed: Sequence[Timed]) -> Table:
    """A row for each model, a column for each batch size."""
    sizes = sorted({step.batch_size for one in timed for step in one.steps})
    headings = ["Model", "Image size", "Device", *(f"Batch {size}" for size in sizes)]
    rows = []
    for one in timed:
        by_size = {step.batch_size: step for step in one.steps}
        cell = one.record.cell
        rates = [_rate(by_size.get(size)) for size in sizes]
        rows.append([cell.backbone.label, brief(cell.image_size), one.device.upper(), *rates])
    return Table.of(headings, rows)


def _rate(step: StepTiming | None) -> str:
    """``1,024 images/s (31.2 ms)``."""
    if step is None:
        return DASH
    mark = "" if step.stable else UNSTABLE
    return f"{mark}{step.batch_size / step.median:,.0f} images/s ({numbers.milliseconds(step.median * 1000)} ms)"
