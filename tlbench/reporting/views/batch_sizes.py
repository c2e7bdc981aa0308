"""Inference at several batch sizes: images per second against batch size, and the latency of one image. Pure."""

from collections.abc import Sequence

from tlbench.reporting import numbers
from tlbench.reporting.document import Section, Table
from tlbench.reporting.numbers import DASH
from tlbench.reporting.report import Report
from tlbench.reporting.views.rows import UNSTABLE
from tlbench.results.record import Record, StepTiming, Timings


def sections(report: Report) -> list[Section]:
    """One section, where a model was timed at more than one batch size."""
    curves = table(report.records)
    return [Section("Inference by batch size", (curves,))] if curves else []


def table(records: Sequence[Record]) -> Table | None:
    """The table; None where no model was timed at more than one batch size.

    One row for each model that was timed, since strategies, data and seeds share its inference.
    """
    timed: dict[tuple[str, str], tuple[Record, list[StepTiming]]] = {}
    for record in records:
        steps = _inference(record.timings)
        if len(steps) > 1:
            place = (steps[0].measured_with, record.timings.device if record.timings else "")
            timed.setdefault(place, (record, steps))
    if not timed:
        return None
    sizes = sorted({step.batch_size for _, steps in timed.values() for step in steps})
    headings = ["Model", "Image size", "Device", *(f"Batch {size}" for size in sizes)]
    rows = []
    for record, steps in timed.values():
        by_size = {step.batch_size: step for step in steps}
        assert record.timings is not None
        rows.append(
            [
                record.cell.backbone.label,
                str(record.cell.image_size),
                record.timings.device.upper(),
                *(_rate(by_size.get(size)) for size in sizes),
            ]
        )
    return Table.of(headings, rows)


def _inference(timings: Timings | None) -> list[StepTiming]:
    return [step for step in timings.steps if step.step == "inference"] if timings else []


def _rate(step: StepTiming | None) -> str:
    """``1,024 images/s (31.2 ms)``."""
    if step is None:
        return DASH
    mark = "" if step.stable else UNSTABLE
    return f"{mark}{step.batch_size / step.median:,.0f} images/s ({numbers.milliseconds(step.median * 1000)} ms)"
