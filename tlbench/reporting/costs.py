"""What a recipe costs, one entry a kind of cost: its axis, and its value in the records of a recipe. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import median

from tlbench.core.cell import StepName
from tlbench.reporting import numbers
from tlbench.reporting.plots import Axis, Reading
from tlbench.reporting.report import RunRecord
from tlbench.reporting.views.relative import relative_of
from tlbench.reporting.views.rows import UNSTABLE, shown
from tlbench.results.record import Record
from tlbench.statistics.bootstrap import FEWEST

Seeds = Sequence[RunRecord]


@dataclass(frozen=True)
class Cost:
    """A kind of cost. of: its value for records that differ in their seed and run only; None where not known."""

    axis: Axis
    of: Callable[[Seeds], Reading | None]

    def reading(self, rows: Seeds, *, marked: bool) -> Reading | None:
        """The same. marked: whether its words mark an unstable time: where all are, a mark would tell nothing."""
        reading = self.of(rows)
        return reading if reading is None or marked else replace(reading, text=reading.text.removeprefix(UNSTABLE))


def _step(step: StepName, device: str) -> Cost:
    def of(rows: Seeds) -> Reading | None:
        for row in rows:
            timings = row.record.timings
            timing = getattr(timings, step) if timings and timings.device == device else None
            if timing is not None and len(timing.samples) >= FEWEST:
                value = shown(timing, row.record.cell.timing) * 1000
                mark = "" if timing.stable else UNSTABLE
                what = "to classify" if step == "inference" else "to train on"
                where = " on the GPU" if device == "gpu" else ""
                text = f"{mark}{numbers.two_digits(value)} ms {what} {timing.batch_size} images{where}"
                beside = relative_of(row, (device, step))
                return Reading(value, text, _ms(timing.low), _ms(timing.high), beside.estimate if beside else None)
        return None

    label = f"{step.capitalize()} step (ms, {device.upper()})"
    return Cost(Axis(f"{step}-{device}", label, log=True), of)


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000


def _memory(rows: Seeds) -> Reading | None:
    peaks = [row.record.memory.peak for row in rows if row.record.memory and row.record.memory.peak]
    if not peaks:
        return None
    value = median(peaks) / 2**20
    return Reading(value, f"{value:.0f} MiB at the peak")


def _counted(value: Callable[[Record], float], text: Callable[[Record], str]) -> Callable[[Seeds], Reading | None]:
    def of(rows: Seeds) -> Reading | None:
        record = next((row.record for row in rows if row.record.counts), None)
        return None if record is None else Reading(value(record), text(record))

    return of


def _size(record: Record) -> float:
    return record.counts.size_mb if record.counts else 0.0


def _params(record: Record) -> int:
    return record.counts.params if record.counts else 0


COSTS: tuple[Cost, ...] = (
    _step("inference", "cpu"),
    _step("inference", "gpu"),
    _step("training", "cpu"),
    _step("training", "gpu"),
    Cost(Axis("memory", "Peak memory (MiB)", log=True), _memory),
    Cost(
        Axis("size", "Size of the weights (MiB)", log=True), _counted(_size, lambda r: f"{numbers.size(_size(r))} MiB")
    ),
    Cost(
        Axis("parameters", "Parameters", log=True),
        _counted(_params, lambda r: f"{numbers.count(_params(r))} parameters"),
    ),
)
"""In the order in which "cheaper" is asked: running it first."""
