"""The cells without results, or without step times, with the reason and what to do. Pure."""

from tlbench.reporting.document import Section, Table, Text, prose
from tlbench.reporting.report import Report
from tlbench.reporting.views.names import labels_of
from tlbench.results.record import Failure, Record


def sections(report: Report) -> list[Section]:
    """A section, if there is such a cell."""
    failed = [(row, why) for row in report.rows if (why := row.record.trouble)]
    if not failed:
        return []
    names = labels_of([row for row, _ in failed])
    lines = [_line(name, row.record, why) for name, (row, why) in zip(names, failed, strict=True)]
    return [Section("Cells that gave no numbers", (Table.of(["Cell", "Status", "Why", "What to do"], lines),))]


def _line(name: str, record: Record, why: Failure) -> tuple[Text, ...]:
    status = record.status if record.status != "ok" else "no step times"
    return name, status, " ".join(f"{why.type}: {why.message}".split()), prose(why.advice)
