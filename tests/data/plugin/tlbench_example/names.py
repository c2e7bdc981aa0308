"""A format of reports: the cells' names, a line each."""

from tlbench.reporting.formats import Format

FORMAT = Format("txt", lambda report: "".join(f"{record.cell.label}\n" for record in report.records), kept=True)
