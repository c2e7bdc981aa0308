"""A view: the model with the shortest inference step."""

from collections.abc import Sequence

from tlbench.reporting.document import Note, Section
from tlbench.reporting.report import Report


def sections(report: Report) -> Sequence[Section]:
    """One section; none where no step was timed."""
    timed = [record for record in report.records if record.timings]
    if not timed:
        return ()
    quickest = min(timed, key=lambda record: record.timings.inference.median if record.timings else 0.0)
    return (Section("Quickest", (Note((quickest.cell.backbone.label,)),)),)
