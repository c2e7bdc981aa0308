"""The measurements behind the step times: a row for each, and the reasons why some are not stable. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tlbench.core.cell import Cell
from tlbench.core.cell_settings import differing, said, with_more
from tlbench.core.text import DASH
from tlbench.reporting import numbers
from tlbench.reporting.document import Block, Note, Section, Table, compact, without_constant
from tlbench.reporting.plots import Strip, Strips
from tlbench.reporting.report import Report, RunRecord
from tlbench.reporting.views import relative
from tlbench.reporting.views.looks import backbones
from tlbench.reporting.views.names import DEVICE, of_step, of_steps
from tlbench.results.measured import StepTiming

BEFORE = ["Model", "Strategy", "Step", "Batch", "Device"]
BEHIND = [
    "Time (ms)",
    "95 % interval",
    "Minimum",
    "95th percentile",
    "Relative",
    "Memory (MiB)",
    "Images/s",
    "In reference workloads",
    "Steps timed",
    "Cells",
    "Stable",
]
"""Headings before and after those of the settings that differ."""
BATCH = ("Batch", "batch")


MOST, MOST_SAMPLES = 16, 150
SAMPLES = (
    "Each dot is one step that was timed; the line is the number that the tables show. Dots of a row are drawn at five "
    "heights in turn, so that equal times do not hide each other: the height has no other meaning."
)
THINNED = f"Where more than {MOST_SAMPLES} steps were timed, only every second, every third, ... of them is drawn."


@dataclass(frozen=True)
class Measurement:
    """The measurement of a step.

    Attributes:
        run: the name of the run.
        owner: the cell whose model was timed.
        device: the device.
        step: the times.
        cells: the number of cells that share the measurement.
    """

    run: str
    owner: Cell
    device: str
    step: StepTiming
    cells: int

    @property
    def settings(self) -> dict[str, str]:
        """The settings that distinguish measurements of one model and strategy."""
        own = {"batch": str(self.step.batch_size), "device": self.device.upper()}
        return of_step(self.owner, self.step.step, self.run) | own

    @property
    def name(self) -> tuple[str, ...]:
        """The columns that every row has, which name the measurement."""
        strategy = self.owner.strategy.label if self.step.step == "training" else ""
        return self.owner.backbone.label, strategy, self.step.step, str(self.step.batch_size), self.device


def sections(report: Report) -> list[Section]:
    """A section, if steps were timed."""
    measurements = distinct(report.rows)
    if not measurements:
        return []
    drawn = pictures(measurements, backbones(report))
    numbers_of, alike = without_constant(table(measurements), ("Batch", "Device"))
    legend = Note((LEGEND, f"All lines: {alike}.") if alike else (LEGEND,))
    return [Section("Step times", (*drawn, numbers_of, legend, *why(measurements)), folded=True)]


def table(measurements: Sequence[Measurement]) -> Table:
    """A table with a row for each measurement, and a column for each setting that distinguishes them."""
    told = _told(measurements)
    before = [*BEFORE, *(heading for heading, _ in told)]
    headings = [*before, *BEHIND]
    right = [BEFORE.index("Batch"), *range(len(before), len(headings) - 1)]
    return compact(Table.of(headings, (cells(one, told) for one in measurements), right))


def why(measurements: Sequence[Measurement]) -> list[Block]:
    """Why measurements are not stable, and what to do about it; empty if all are stable."""
    doubted = [one for one in measurements if one.step.doubts]
    if not doubted:
        return []
    told = _told(measurements)
    headings = [*BEFORE, *(heading for heading, _ in told), "Why it is not stable"]
    rows = [[*_names(one, told), "; ".join(doubt.message for doubt in one.step.doubts)] for one in doubted]
    return [compact(Table.of(headings, rows, [BEFORE.index("Batch")])), Note((STABLE, *advice(doubted)))]


def _told(measurements: Sequence[Measurement]) -> list[tuple[str, str]]:
    return of_steps([one.name for one in measurements], [one.settings for one in measurements])


def pictures(measurements: Sequence[Measurement], order: tuple[str, ...] = ()) -> list[Strips]:
    """A picture with a strip for each measurement, or for the fastest if there are many.

    Args:
        measurements: the measurements.
        order: the backbones of the report, for their looks.
    """
    numbered = [one for one in measurements if one.step.has_number]
    fastest = sorted(numbered, key=lambda one: one.step.shown(one.owner.timing))[:MOST]
    if not fastest:
        return []
    title = "Samples of step times" + (f": the fastest {MOST}" if len(numbered) > MOST else "")
    told = [*differing([one.settings for one in fastest], (BATCH, DEVICE)), *_told(fastest)]
    if BATCH not in told:
        title += f", batch {fastest[0].step.batch_size}"
    strips = tuple(_strip(one, told) for one in sorted(fastest, key=measurements.index))
    thinned = any(len(one.step.samples) > MOST_SAMPLES for one in fastest)
    caption = f"{SAMPLES} {THINNED}" if thinned else SAMPLES
    return [Strips("step-times", title, "Milliseconds a step", strips, caption, order)]


def _strip(measurement: Measurement, told: Sequence[tuple[str, str]]) -> Strip:
    owner, step = measurement.owner, measurement.step
    of = f", {owner.strategy.label}" if step.step == "training" else ""
    time = step.shown(owner.timing)
    every = -(-len(step.samples) // MOST_SAMPLES)
    samples = tuple(sample * 1000 for sample in step.samples[::every])
    name = with_more(f"{step.step}{of}", measurement.settings, told)
    return Strip(name, owner.backbone.label, samples, time * 1000, f"{_ms(time)} ms, {len(step.samples)} steps")


def distinct(rows: Sequence[RunRecord]) -> list[Measurement]:
    """Each measurement once, in the order of the records."""
    owners = {row.record.cell_id: row.record.cell for row in rows}
    measurements: dict[tuple[str, str, str, str, int, tuple[float, ...]], Measurement] = {}
    for row in rows:
        record = row.record
        for step in record.timings.steps if record.timings else ():
            device = record.timings.device if record.timings else ""
            key = (row.run, step.measured_with, device, step.step, step.batch_size, step.samples)
            sharing = measurements[key].cells + 1 if key in measurements else 1
            owner = owners.get(step.measured_with, record.cell)
            measurements[key] = Measurement(row.run, owner, device, step, sharing)
    return list(measurements.values())


def cells(measurement: Measurement, told: Sequence[tuple[str, str]]) -> list[str]:
    """The row of a measurement, in the order of the headings; `told` are the settings that have a column."""
    step = measurement.step
    return [
        *_names(measurement, told),
        *(_numbers(measurement) if step.has_number else [DASH] * 8),
        str(len(step.samples)) + ("" if step.complete else " (bound)"),
        str(measurement.cells),
        "yes" if step.stable else "no",
    ]


def _names(measurement: Measurement, told: Sequence[tuple[str, str]]) -> list[str]:
    """The first columns of a row: what was measured, and the settings `told`."""
    step, settings = measurement.step, measurement.settings
    return [
        measurement.owner.backbone.label,
        measurement.owner.strategy.label if step.step == "training" else "all" if measurement.owner.train else DASH,
        step.step,
        str(step.batch_size),
        measurement.device.upper(),
        *(said(settings[key]) for _, key in told),
    ]


def _numbers(measurement: Measurement) -> list[str]:
    step, time = measurement.step, measurement.step.shown(measurement.owner.timing)
    return [
        _ms(time),
        f"{_ms(step.low)}–{_ms(step.high)}" if step.low is not None and step.high is not None else DASH,
        _ms(step.minimum),
        _ms(step.p95),
        DASH if step.relative is None else relative.ratio(step.relative),
        DASH if step.memory is None else f"{step.memory / 2**20:.0f}",
        numbers.two_digits(step.batch_size / time),
        DASH if step.normalised is None else numbers.significant(step.normalised),
    ]


def advice(measurements: Sequence[Measurement]) -> list[str]:
    """What to do about doubts, one sentence for each kind: if there are several, the one with the most rounds."""
    by_kind: dict[str, list[str]] = {}
    for doubt in (doubt for one in measurements for doubt in one.step.doubts):
        by_kind.setdefault(doubt.kind, []).append(doubt.advice)
    return [max(every, key=_first_number) for every in by_kind.values()]


def _first_number(text: str) -> int:
    return int(next(iter(re.findall(r"\d+", text)), 0))


STABLE = "What would make these stable:"
LEGEND = (
    "One line for each measurement; cells that differ in images, weights or seed only share one, and all strategies "
    "share inference. Relative: to the same step of the model that has 1, in the rounds that both have. "
    "The reference workload is a fixed matrix product and convolution, timed between the rounds; step "
    "times in it compare better across hours than milliseconds do."
)


def _ms(seconds: float) -> str:
    return numbers.milliseconds(seconds * 1000)
