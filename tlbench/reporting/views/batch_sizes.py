"""Inference at several batch sizes: throughput and latency. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from tlbench.core.cell import Cell
from tlbench.core.cell_settings import said, with_more
from tlbench.core.image_size import brief
from tlbench.core.text import DASH
from tlbench.reporting import numbers
from tlbench.reporting.document import Section, Table
from tlbench.reporting.plots import Curves, Line, Panel
from tlbench.reporting.report import Report, RunRecord
from tlbench.reporting.views.looks import of_lines
from tlbench.reporting.views.names import of_step, of_steps
from tlbench.reporting.views.rows import UNSTABLE
from tlbench.results.measured import StepTiming

CAPTION = (
    "Images a second at each batch size, of which twice as many is as far to the right everywhere; higher is better. A "
    "line that goes level has found the most that the machine does."
)
MOST = 8
"""The most models in one picture: as many as there are shapes, which distinguish them without colour."""


@dataclass(frozen=True)
class Timed:
    """A record of a model that was timed at more than one batch size, and its steps."""

    row: RunRecord
    device: str
    steps: tuple[StepTiming, ...]

    @property
    def cell(self) -> Cell:
        """The cell of the model."""
        return self.row.record.cell

    @property
    def settings(self) -> dict[str, str]:
        """The settings that distinguish measurements of one model."""
        return of_step(self.cell, "inference", self.row.run)

    def rate(self, step: StepTiming) -> float:
        """Images per second."""
        return step.batch_size / step.shown(self.cell.timing)


def sections(report: Report) -> list[Section]:
    """A section, if a model was timed at more than one batch size."""
    timed = by_model(report.rows)
    return [Section("Inference by batch size", (picture(timed, report), table(timed)))] if timed else []


def by_model(rows: Sequence[RunRecord]) -> list[Timed]:
    """The models that a run timed, each once: strategies, data sets and seeds share its inference.

    Batch sizes with too few steps have no number and are left out.
    """
    timed: dict[tuple[str, str, str], Timed] = {}
    for row in rows:
        timings = row.record.timings
        inference = [step for step in timings.steps if step.step == "inference"] if timings else []
        steps = tuple(step for step in inference if step.has_number)
        if timings and len(steps) > 1:
            timed.setdefault((row.run, steps[0].measured_with, timings.device), Timed(row, timings.device, steps))
    return list(timed.values())


def picture(timed: Sequence[Timed], report: Report) -> Curves:
    """Images per second over batch size, of the fastest models if there are many."""
    fastest = sorted(timed, key=lambda one: -max(map(one.rate, one.steps)))[:MOST]
    told = _told(fastest)
    looks = of_lines(report, [(one.cell.backbone.label, _name(one, told)) for one in fastest])
    lines = tuple(
        Line(name, name, look, tuple((step.batch_size, one.rate(step)) for step in steps))
        for one, look in zip(fastest, looks, strict=True)
        for name, steps in [(_name(one, told), sorted(one.steps, key=lambda step: step.batch_size))]
    )
    title = "Throughput by batch size" + (f": the fastest {MOST}" if len(timed) > MOST else "")
    return Curves("batch-sizes", title, "Batch size", (Panel("Images a second", lines),), CAPTION, log=True)


def _told(timed: Sequence[Timed]) -> list[tuple[str, str]]:
    return of_steps([_name(one, ()) for one in timed], [one.settings for one in timed])


def _name(one: Timed, told: Sequence[tuple[str, str]]) -> str:
    always = f"{one.cell.backbone.label}, {brief(one.cell.image_size)} px, {one.device.upper()}"
    return with_more(always, one.settings, told)


def table(timed: Sequence[Timed]) -> Table:
    """A row for each model, a column for each batch size."""
    sizes, told = sorted({step.batch_size for one in timed for step in one.steps}), _told(timed)
    more = [heading for heading, _ in told]
    headings = ["Model", "Image size", "Device", *more, *(f"Batch {size}" for size in sizes)]
    rows = []
    for one in timed:
        by_size = {step.batch_size: step for step in one.steps}
        always = [one.cell.backbone.label, brief(one.cell.image_size), one.device.upper()]
        rates = [_rate(one, by_size.get(size)) for size in sizes]
        rows.append([*always, *(said(one.settings[key]) for _, key in told), *rates])
    return Table.of(headings, rows)


def _rate(of: Timed, step: StepTiming | None) -> str:
    """The throughput and the time of a step: ``1,024 images/s (31.2 ms)``."""
    if step is None:
        return DASH
    mark, ms = "" if step.stable else UNSTABLE, step.shown(of.cell.timing) * 1000
    rate = of.rate(step)
    said = f"{rate:,.0f}" if rate >= 10 else numbers.two_digits(rate)
    return f"{mark}{said} images/s ({numbers.milliseconds(ms)} ms)"
