"""What outputs must not overwrite: inputs, suites, baselines and what runs consist of."""

import os
from pathlib import Path

import pytest

from tests import builders
from tests.cli.test_outputs import command
from tests.session.runs import SUITE, make_run
from tlbench.core import plugin_files
from tlbench.core.errors import UserError


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: a run, its baseline, and a suite."""
    monkeypatch.chdir(tmp_path)
    make_run(tmp_path / "runs" / "one", [builders.record()])
    command("baseline", "save", "runs/one", "base.json")
    (tmp_path / "ci.yaml").write_text(SUITE)
    return tmp_path


def contents(place: Path) -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in place.rglob("*") if file.is_file()}


@pytest.mark.parametrize("name", ["ci.yaml", "notes.txt", "results.json", "link.yaml", "runs/one/run.json"])
def test_a_baseline_is_not_saved_over_another_file(place: Path, name: str) -> None:
    (place / "notes.txt").write_text("by hand\n")
    (place / "results.json").write_text("{}")
    (place / "link.yaml").symlink_to("ci.yaml")
    before = contents(place)
    with pytest.raises(UserError, match=rf"^{name} is no tlbench baseline and would be overwritten; name another file"):
        command("baseline", "save", "runs/one", name)
    assert contents(place) == before


def test_a_baseline_is_saved_over_one_that_is_older_damaged_or_empty(place: Path) -> None:
    saved = (place / "base.json").read_text()
    merged = "<<<<<<< ours\n" + saved
    newer = saved.replace('"tlbench_baseline": 2', '"tlbench_baseline": 9')
    for content in (saved, merged, newer, saved[: len(saved) // 2], ""):
        (place / "base.json").write_text(content)
        assert command("baseline", "save", "runs/one", "base.json") == 0
        assert (place / "base.json").read_text() == saved
    assert command("baseline", "save", "runs/one", os.devnull) == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("compare base.json runs/one --format markdown=base.json", "base.json is an input of this command"),
        ("compare base.json runs/one --format text --format json=./other.json", "other.json is a baseline"),
        ("compare base.json runs/one --format html=ci.yaml", "ci.yaml is a suite"),
        ("compare base.json runs/one --format json=runs/one/run.json", "runs/one/run.json is a file of a run"),
        ("compare base.json runs/one --plugin my.py --format text=my.py", "my.py is an input of this command"),
        ("report runs/one --format html=runs/one/suite.yaml", "runs/one/suite.yaml is a suite"),
        ("report runs/one --format html=ci.yaml", "ci.yaml is a suite"),
        ("report runs/one --output base.json", "base.json is a baseline"),
        ("history runs --format html=base.json", "base.json is a baseline"),
        ("history runs --html ci.yaml", "ci.yaml is a suite"),
        ("deploy runs/one --format json=base.json", "base.json is a baseline"),
        ("ab suite.txt --a current --format markdown=suite.txt", "suite.txt is an input of this command"),
    ],
)
def test_an_output_overwrites_nothing_of_value(place: Path, words: str, said: str) -> None:
    (place / "other.json").write_bytes((place / "base.json").read_bytes())
    (place / "my.py").write_text('ENTRY_POINTS = {"tlbench.datasets": {}}\n')
    (place / "suite.txt").write_text(SUITE)
    before = contents(place)
    try:
        with pytest.raises(UserError, match=rf"^{said} and would be overwritten; name another file for the output$"):
            command(*words.split())
    finally:
        plugin_files.adopt([])
    assert contents(place) == before


def test_a_record_is_not_overwritten_and_reports_are(place: Path) -> None:
    (record,) = (place / "runs/one/records").iterdir()
    with pytest.raises(UserError, match="is a file of a run and would be overwritten"):
        command("report", "runs/one", "--format", f"json={record}")
    for file in ("page.html", "runs/one/page.html", "summary.yaml"):
        for _ in range(2):
            command("report", "runs/one", "--format", f"html={file}")
        assert (place / file).read_text().startswith("<!")
