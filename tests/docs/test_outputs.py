"""What the pages show of a command is what it prints, of the runs that are in the project."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tlbench.cli import cli

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
SHOWN = re.compile(r"^```console\n\$ tlbench (?P<words>.*?)\n(?P<output>.*?)^```$", re.MULTILINE | re.DOTALL)


def shown() -> Iterator[tuple[str, list[str], list[str]]]:
    for page in PAGES:
        for block in SHOWN.finditer(page.read_text(encoding="utf-8")):
            yield page.name, shlex.split(block["words"]), block["output"].splitlines()


def differing(expected: list[str], printed: list[str]) -> str | None:
    """The first line that is not where it should be; ``...`` stands for any number of lines."""
    place, skipping = 0, False
    for line in expected:
        if line == "...":
            skipping = True
            continue
        places = range(place, len(printed)) if skipping else range(place, min(place + 1, len(printed)))
        place, skipping = next((at for at in places if printed[at].rstrip() == line.rstrip()), -1) + 1, False
        if place == 0:
            return line
    return None if skipping or place == len(printed) else printed[place]


def test_the_pages_show_outputs() -> None:
    assert len(list(shown())) >= 5


@pytest.mark.parametrize(("page", "words", "output"), list(shown()), ids=lambda part: " ".join(part) if part else "")
def test_a_command_prints_what_is_shown(
    page: str, words: list[str], output: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    cli.main(words, prog_name="tlbench", standalone_mode=False)
    printed = capsys.readouterr().out.splitlines()
    while printed and not printed[-1]:
        printed.pop()
    assert differing(output, printed) is None, page


@pytest.mark.parametrize(
    ("expected", "differs"), [(["a", "...", "d"], None), (["a", "b"], "c"), (["a", "...", "x"], "x"), (["b"], "b")]
)
def test_a_line_that_is_not_printed_is_seen(expected: list[str], differs: str | None) -> None:
    assert differing(expected, ["a", "b", "c", "d"]) == differs


def test_the_rows_that_are_explained_are_those_of_the_report() -> None:
    page = (ROOT / "docs" / "reading.md").read_text(encoding="utf-8")
    rows = [" ".join(row.replace("|", " ").split()) for row in page.splitlines() if row.startswith("| MobileNet")]
    report = (ROOT / "results" / "reference" / "small-cpu" / "report.txt").read_text(encoding="utf-8")
    assert len(rows) == 3
    assert set(rows) <= {" ".join(line.split()) for line in report.splitlines()}
