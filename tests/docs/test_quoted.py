"""Tables that a page quotes from a report of a committed run are in it, line by line."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
QUOTED = re.compile(r"<!-- quoted from (\S+) -->\n\n((?:\|[^\n]*\n)+)")
FOUND = [
    pytest.param(ROOT / source, table.splitlines(), id=f"{page.name}: {source}")
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
    for source, table in QUOTED.findall(page.read_text(encoding="utf-8"))
]


def test_every_mark_has_its_table() -> None:
    pages = (page.read_text(encoding="utf-8") for page in (ROOT / "docs").glob("*.md"))
    assert len(FOUND) == sum(page.count("<!-- quoted from") for page in pages) > 0


@pytest.mark.parametrize(("report", "lines"), FOUND)
def test_what_is_quoted_is_there(report: Path, lines: list[str]) -> None:
    there = report.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line not in there] == []
