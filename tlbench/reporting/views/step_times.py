"""The measurements behind the step times: a line each, with what they stand for and what speaks against them. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from tlbench.core.cell import Cell
from tlbench.reporting import numbers
from tlbench.reporting.document import Note, Section, Table, compact
from tlbench.reporting.numbers import DASH
from tlbench.reporting.plots import Strip, Strips
from tlbench.reporting.report import Report
from tlbench.reporting.views import relative
from tlbench.reporting.views.rows import shown
from tlbench.results.measured import StepTiming
from tlbench.results.record import Record
from tlbench.statistics.bootstrap import FEWEST

HEADINGS = [
    "Model",
    "Strategy",
    "Step",
    "Batch",
    "Device",
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
NUMBERS = [3, *range(5, 15)]


MOST, MOST_SAMPLES = 16, 150
SAMPLES = (
    "Each dot is a step that was timed, from the first (top) to the fifth (bottom) and round again; the line is the "
    f"number that the tables show. Of more than {MOST_SAMPLES} steps every second, third or so is drawn."
)


@dataclass(frozen=True)
class Measurement:
    """A measurement, the cell whose model was timed, and how many cells share it."""

    owner: Cell
    device: str
    step: StepTiming
    cells: int


def sections(report: Report) -> list[Section]:
    """One section, where steps were timed."""
    measurements = distinct(report.records)
    if not measurements:
        return []
    legend = [LEGEND, *filter(None, [advice(measurements)])]
    table = compact(Table.of(HEADINGS, map(cells, measurements), right=NUMBERS))
    return [Section("Step times", (*pictures(measurements), table, Note(tuple(legend))), folded=True)]


def pictures(measurements: Sequence[Measurement]) -> list[Strips]:
    """A strip for each measurement: the fastest, where there are more than can be told apart in a picture."""
    numbered = [one for one in measurements if len(one.step.samples) >= FEWEST]
    fastest = sorted(numbered, key=lambda one: one.step.median)[:MOST]
    if not fastest:
        return []
    title = "Samples of step times" + (f": the fastest {MOST}" if len(numbered) > MOST else "")
    batches, devices = {one.step.batch_size for one in fastest}, {one.device for one in fastest}
    if len(batches) == 1:
        title += f", batch {fastest[0].step.batch_size}"
    strips = tuple(
        _strip(one, batch=len(batches) > 1, device=len(devices) > 1) for one in sorted(fastest, key=measurements.index)
    )
    return [Strips("step-times", title, "Milliseconds a step", strips, SAMPLES)]


def _strip(measurement: Measurement, *, batch: bool, device: bool) -> Strip:
    owner, step = measurement.owner, measurement.step
    of = f", {owner.strategy.label}" if step.step == "training" else ""
    more = f", batch {step.batch_size}" if batch else ""
    more += f", {measurement.device.upper()}" if device else ""
    time = shown(step, owner.timing)
    every = -(-len(step.samples) // MOST_SAMPLES)
    samples = tuple(sample * 1000 for sample in step.samples[::every])
    name = f"{owner.backbone.label}{of}: {step.step}{more}"
    return Strip(name, samples, time * 1000, f"{_ms(time)} ms, {len(step.samples)} steps")


def distinct(records: Sequence[Record]) -> list[Measurement]:
    """Each measurement once, in the order in which records first name it."""
    owners = {record.cell_id: record.cell for record in records}
    measurements: dict[tuple[str, str, str, int, tuple[float, ...]], Measurement] = {}
    for record in records:
        for step in record.timings.steps if record.timings else ():
            device = record.timings.device if record.timings else ""
            key = (step.measured_with, device, step.step, step.batch_size, step.samples)
            sharing = measurements[key].cells + 1 if key in measurements else 1
            owner = owners.get(step.measured_with, record.cell)
            measurements[key] = Measurement(owner, device, step, sharing)
    return list(measurements.values())


def cells(measurement: Measurement) -> list[str]:
    """One row, in the order of `HEADINGS`."""
    step = measurement.step
    return [
        measurement.owner.backbone.label,
        measurement.owner.strategy.label if step.step == "training" else "all" if measurement.owner.train else DASH,
        step.step,
        str(step.batch_size),
        measurement.device.upper(),
        *(_numbers(measurement) if len(step.samples) >= FEWEST else [DASH] * 8),
        str(len(step.samples)) + ("" if step.complete else " (bound)"),
        str(measurement.cells),
        "yes" if step.stable else "no: " + "; ".join(doubt.message for doubt in step.doubts),
    ]


def _numbers(measurement: Measurement) -> list[str]:
    step, time = measurement.step, shown(measurement.step, measurement.owner.timing)
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


def advice(measurements: Sequence[Measurement]) -> str | None:
    """What to do about the doubts, each advice once; None where there are none."""
    said = {doubt.kind: doubt.advice for measurement in measurements for doubt in measurement.step.doubts}
    return f"What would make them stable: {' '.join(said.values())}" if said else None


LEGEND = (
    "One line for each measurement; cells that differ in images, weights or seed only share one, and all strategies "
    "share inference. Relative: to the same step of the model that has 1, in the rounds that both have. "
    "The reference workload is a fixed matrix product and convolution, timed between the rounds; step "
    "times in it compare better across hours than milliseconds do."
)


def _ms(seconds: float) -> str:
    return numbers.milliseconds(seconds * 1000)
