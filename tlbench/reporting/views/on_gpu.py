"""The use of the GPU by each model: FLOP/s, share of the card's peak, memory, clock. Pure."""

from collections.abc import Mapping, Sequence
from statistics import median

from tlbench.core.cell import Cell
from tlbench.core.cell_settings import said
from tlbench.core.text import DASH
from tlbench.reporting import numbers
from tlbench.reporting.document import Note, Section, Table, compact
from tlbench.reporting.report import Report, RunRecord
from tlbench.reporting.views.names import of_step, of_steps
from tlbench.results.measured import StepTiming, Timings
from tlbench.results.record import Record

BEFORE = ["Model", "Backend", "Precision"]
BEHIND = ["Step", "Batch", "Time (ms)", "Images/s", "TFLOP/s", "Of the peak", "Memory (MiB)", "Clock (MHz)"]
"""Headings before and after those of the settings that differ."""
LEGEND = (
    "TFLOP/s: operations of convolutions and matrix products of one forward pass over its time; a training step has no "
    "figure, since its operations are not counted. Memory: the most that the backend had held on the card after the "
    "first calls of the step, the model's weights included. Clock: the median over turns."
)
REDUCED = {
    "mixed_bfloat16": "bfloat16", "bfloat16": "bfloat16",
    "mixed_float16": "float16", "float16": "float16",
}  # fmt: skip
"""The type in which matrices are multiplied, by the name of a precision policy; float32 for others."""


def sections(report: Report) -> list[Section]:
    """A section with a row for each step that was timed on a GPU, if there is one."""
    lines: dict[tuple[str, str, str, int], tuple[RunRecord, StepTiming]] = {}
    for row in report.rows:
        timings = row.record.timings
        for step in timings.steps if timings and timings.device == "gpu" else ():
            lines.setdefault((row.run, step.measured_with, step.step, step.batch_size), (row, step))
    if not lines:
        return []
    return [Section("On the GPU", (table(list(lines.values())), Note((LEGEND, *_peaks(report)))), folded=True)]


def table(lines: Sequence[tuple[RunRecord, StepTiming]]) -> Table:
    """A row for each step that was measured, with a column for each setting that distinguishes them."""
    settings = [of_step(row.record.cell, step.step, row.run) for row, step in lines]
    told = of_steps([_name(row.record, step) for row, step in lines], settings)
    headings = [*BEFORE, *(heading for heading, _ in told), *BEHIND]
    rows = [_line(row.record, step, values, told) for (row, step), values in zip(lines, settings, strict=True)]
    return compact(Table.of(headings, rows, right=range(len(headings) - len(BEHIND) + 1, len(headings))))


def rate(record: Record, step: StepTiming) -> float | None:
    """The FLOP/s of an inference step; None for a training step, or if operations were not counted."""
    if step.step != "inference" or record.counts is None or not record.counts.flops:
        return None
    return record.counts.flops * step.batch_size / step.shown(record.cell.timing)


def multiplies_in(cell: Cell, timings: Timings) -> str:
    """The type in which the cell's convolutions are computed, as `Timings.peak` names it."""
    return REDUCED.get(cell.precision) or timings.arithmetic.get("convolutions", "float32")


def _line(record: Record, step: StepTiming, settings: Mapping[str, str], told: Sequence[tuple[str, str]]) -> list[str]:
    timings = record.timings
    assert timings is not None
    known = step.has_number
    seconds, reached = step.shown(record.cell.timing), rate(record, step) if known else None
    peak = timings.peak.get(multiplies_in(record.cell, timings))
    return [
        *_name(record, step)[: len(BEFORE)],
        *(said(settings[key]) for _, key in told),
        step.step,
        str(step.batch_size),
        numbers.two_digits(seconds * 1000) if known else DASH,
        f"{step.batch_size / seconds:,.0f}" if known else DASH,
        DASH if reached is None else f"{reached / 1e12:.1f}",
        DASH if reached is None or peak is None else f"{reached / peak:.1%}",
        DASH if step.device_memory is None else f"{step.device_memory / 2**20:,.0f}",
        f"{median(step.gpu.clocks):.0f}" if step.gpu and step.gpu.clocks else DASH,
    ]


def _name(record: Record, step: StepTiming) -> tuple[str, ...]:
    """The columns that every row has, which name the step."""
    cell = record.cell
    name = cell.title if step.step == "training" else cell.backbone.label
    return name, cell.backend, cell.precision, step.step, str(step.batch_size)


def _peaks(report: Report) -> list[str]:
    """A sentence for each card and backend: the type in which float32 is computed, and the measured peak."""
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
