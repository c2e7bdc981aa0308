"""Render records, and read the tables of a report."""

import re
from itertools import dropwhile, takewhile

from tlbench.reporting.formats import FORMATS, as_markdown
from tlbench.reporting.report import Report, RunRecord
from tlbench.results.record import Record


def rows(*records: Record, run: str = "run") -> list[RunRecord]:
    return [RunRecord(run, record) for record in records]


def render(title: str, of: list[RunRecord]) -> str:
    return as_markdown(Report(title, of))


def text_of(name: str, of: list[RunRecord]) -> str:
    """A format that makes text."""
    made = FORMATS[name].make(Report("t", of))
    assert isinstance(made, str)
    return made


def table(text: str, heading: str) -> list[dict[str, str]]:
    """The lines of the first table under a heading, by column."""
    before = next(start for start in (f"## {heading}\n", f"<summary>{heading}</summary>\n") if start in text)
    section = re.split("\n## |\n<details>", text.split(before, 1)[1])[0]
    rest = dropwhile(lambda line: not line.startswith("|"), section.splitlines())
    lines = list(takewhile(lambda line: line.startswith("|"), rest))
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [dict(zip(cells[0], row, strict=True)) for row in cells[2:]]
