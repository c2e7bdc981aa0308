"""The cells that gave no numbers, or no step times, with why and what to do. Pure."""

from tlbench.reporting.document import Section, Table, prose
from tlbench.reporting.report import Report
from tlbench.results.record import Record


def sections(report: Report) -> list[Section]:
    """One section, where there is such a cell."""
    failed = [(record, record.trouble) for record in report.records if record.trouble]
    if not failed:
        return []
    table = Table.of(
        ["Cell", "Status", "Why", "What to do"],
        (
            (record.cell.label, _status(record), " ".join(f"{why.type}: {why.message}".split()), prose(why.advice))
            for record, why in failed
        ),
    )
    return [Section("Cells that gave no numbers", (table,))]


def _status(record: Record) -> str:
    return record.status if record.status != "ok" else "no step times"
