"""What of a GPU each model used: rate of arithmetic, share of the card's peak, memory, clock. Pure."""

from collections.abc import Mapping
from statistics import median

from tlbench.core.cell import Cell
from tlbench.reporting import numbers
from tlbench.reporting.document import Note, Section, Table, compact
from tlbench.reporting.numbers import DASH
from tlbench.reporting.report import Report
from tlbench.reporting.views.rows import shown
from tlbench.results.measured import StepTiming, Timings
from tlbench.results.record import Record

HEADINGS = ["Model", "Backend", "Precision", "Step", "Batch", "Time (ms)", "Images/s"]
HEADINGS += ["TFLOP/s", "Of the peak", "Memory (MiB)", "Clock (MHz)"]
LEGEND = (
    "TFLOP/s: operations of convolutions and matrix products of one forward pass over its time; a training step has no "
    "figure, since its operations are not counted. Memory: the most that the backend had held on the card after the "
    "first calls of the step, the model's weights included. Clock: the median over turns."
)
REDUCED = {"mixed_bfloat16": "bfloat16", "bfloat16": "bfloat16"}
"""What matrices are multiplied in, by a policy's name; a policy that is not here has float32 ones."""


def sections(report: Report) -> list[Section]:
    """One section, where anything was timed on a GPU; a line for each step that was measured."""
    lines: dict[tuple[str, str, int], tuple[Record, Timings, StepTiming]] = {}
    for row in report.rows:
        timings = row.record.timings
        for step in timings.steps if timings and timings.device == "gpu" else ():
            assert timings is not None
            key = (f"{row.run} {step.measured_with}", step.step, step.batch_size)
            lines.setdefault(key, (row.record, timings, step))
    if not lines:
        return []
    table = compact(Table.of(HEADINGS, (_line(*line) for line in lines.values()), right=range(4, len(HEADINGS))))
    return [Section("On the GPU", (table, Note((LEGEND, *_peaks(report)))), folded=True)]


def rate(record: Record, step: StepTiming) -> float | None:
    """FLOP/s of an inference step; None for another one, and where operations were not counted."""
    if step.step != "inference" or record.counts is None or not record.counts.flops:
        return None
    return record.counts.flops * step.batch_size / shown(step, record.cell.timing)


def multiplies_in(cell: Cell, timings: Timings) -> str:
    """The kind of number that the cell's convolutions are computed in, as `Timings.peak` names them."""
    return REDUCED.get(cell.precision) or timings.arithmetic.get("convolutions", "float32")


def _line(record: Record, timings: Timings, step: StepTiming) -> list[str]:
    seconds, reached = shown(step, record.cell.timing), rate(record, step)
    peak = timings.peak.get(multiplies_in(record.cell, timings))
    name = record.cell.backbone.label
    return [
        f"{name}, {record.cell.strategy.label}" if step.step == "training" else name,
        record.cell.backend,
        record.cell.precision,
        step.step,
        str(step.batch_size),
        numbers.two_digits(seconds * 1000),
        f"{step.batch_size / seconds:,.0f}",
        DASH if reached is None else f"{reached / 1e12:.1f}",
        DASH if reached is None or peak is None else f"{reached / peak:.1%}",
        DASH if step.device_memory is None else f"{step.device_memory / 2**20:,.0f}",
        DASH if step.gpu is None else f"{median(step.gpu.clocks):.0f}",
    ]


def _peaks(report: Report) -> list[str]:
    """A sentence for each card and backend: what float32 is computed in, and what its matrix products reach."""
    arithmetic: dict[tuple[str, str], dict[str, str]] = {}
    peaks: dict[tuple[str, str], dict[str, float]] = {}
    for record in report.records:
        timings = record.timings
        if timings is None or timings.device != "gpu":
            continue
        key = timings.device_name, record.cell.backend
        arithmetic.setdefault(key, {}).update(timings.arithmetic)
        best = peaks.setdefault(key, {})
        best.update({kind: max(flops, best.get(kind, 0.0)) for kind, flops in timings.peak.items()})
    return [_peak(*key, arithmetic[key], peaks[key]) for key in arithmetic if arithmetic[key] or peaks[key]]


def _peak(device: str, backend: str, arithmetic: Mapping[str, str], peak: Mapping[str, float]) -> str:
    computed = ", ".join(f"{what} of float32 numbers in {kind}" for what, kind in arithmetic.items())
    reached = ", ".join(f"{flops / 1e12:,.0f} TFLOP/s in {kind}" for kind, flops in peak.items())
    text = f"{device}, {backend}: {computed}."
    return f"{text} Peak, of products of large random matrices in the same run: {reached}." if reached else text
