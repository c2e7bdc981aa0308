"""Formats that are asked for: `--json` beside others, and what is refused before anything is measured for it."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests import builders
from tests.session.runs import SUITE, make_run
from tlbench.cli import ab, cli, compare, deploy
from tlbench.core.errors import UserError
from tlbench.results.deployment import Deployment
from tlbench.session.compare import compare as compared


def command(*words: str | Path) -> object:
    return cli.main([str(word) for word in words], prog_name="tlbench", standalone_mode=False)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return make_run(tmp_path / "runs" / "one", [builders.record()]).path


@pytest.fixture
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever would measure, or compare, fails."""

    def never(*args: object, **settings: object) -> None:
        pytest.fail("this is done before the formats are known")

    monkeypatch.setattr(ab, "ab", never)
    monkeypatch.setattr(compare, "compare", never)
    monkeypatch.setattr(deploy, "deploy", never)


def test_json_is_printed_and_the_other_format_written(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = Deployment(run="keep", models=(), batch_sizes=(1,), absent=())
    monkeypatch.setattr(deploy, "deploy", lambda *args, **settings: nothing)
    for words in (("compare", run, run), ("history", run.parent), ("deploy", run)):
        file = tmp_path / f"{words[0]}.md"
        command(*words, "--json", "--format", f"markdown={file}")
        json.loads(capsys.readouterr().out)
        assert file.read_text().startswith("#")


def test_brackets_in_a_path_are_no_markup(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    comparison = compared(run, run)
    monkeypatch.setattr(ab, "ab", lambda *args, **settings: comparison)
    (tmp_path / "suite.yaml").write_text(SUITE)
    command("ab", tmp_path / "suite.yaml", "--a", "current", "--out", "x[red]y")
    assert capsys.readouterr().err == "Runs: x[red]y/a, x[red]y/b\n"


@pytest.mark.usefixtures("unmeasured")
@pytest.mark.parametrize(
    "words",
    [("ab", "suite.yaml", "--a", "current"), ("compare", "a", "b"), ("deploy", "a"), ("history", "a"), ("report", "a")],
)
def test_an_unknown_format_is_told_before_anything_is_measured(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("suite.yaml").write_text(SUITE)
    with pytest.raises(UserError, match="there is no format 'markdwon'; did you mean 'markdown'"):
        command(*words, "--format", "text", "--format", "markdwon=s.md")


@pytest.mark.usefixtures("unmeasured")
@pytest.mark.parametrize("words", [("compare", "a", "b"), ("report", "a"), ("history", "a"), ("deploy", "a")])
def test_two_formats_for_one_file_are_refused_before_either_is_made(words: tuple[str, ...]) -> None:
    with pytest.raises(UserError, match=r"^--format: out is the file of two formats; give each its own$"):
        command(*words, "--format", "markdown=out", "--format", "json=out")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--profile", "--output", "x.txt"], "--profile prints nothing but its own answer; leave out --output"),
        (["--profile", "--within", "size=9"], "--profile prints nothing but its own answer; leave out --within"),
        (["--within", "size=9", "--json"], "--within prints nothing but its own answer; leave out --json"),
        (
            ["--within", "size=9", "--format", "csv=x.csv"],
            "--within prints nothing but its own answer; leave out --format",
        ),
        (
            ["--format", "html", "--format", "csv", "--output", "x"],
            "--output is one file, but there are several formats",
        ),
        (["--format", "html=x", "--format", "csv=x"], "--format: x is the file of two formats; give each its own"),
        (["--output", "report.pdf"], "--output: no format has the extension .pdf; name a format"),
        (["--output", "report.svg"], "--output: no format has the extension .svg; name a format"),
        (
            ["--within", "memory=1MB"],
            "--within: 'memory=1MB' has a unit; write the number alone, as memory=2: memory and",
        ),
        (["--within", "memory=x"], "--within: 'memory=x' is not of the form cost=most, as size=2"),
        (["--thumbnails", "--format", "csv"], "--thumbnails needs --format html"),
    ],
)
def test_what_a_report_would_leave_unwritten_is_refused(words: list[str], said: str, run: Path) -> None:
    with pytest.raises(UserError, match=f"^{said}"):
        command("report", run, *words)


def test_json_names_its_file_with_format(run: Path, tmp_path: Path) -> None:
    command("report", run, "--json", "--format", f"json={tmp_path / 'x.json'}")
    rows: Any = json.loads((tmp_path / "x.json").read_text())["rows"]
    assert len(rows) == 1


def test_a_report_is_written_in_each_format_that_is_asked_for(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page, table = tmp_path / "a.html", tmp_path / "a.csv"
    command("report", run, "--format", f"html={page}", "--format", f"csv={table}", "--json")
    printed = capsys.readouterr()
    assert len(json.loads(printed.out)["rows"]) == 1
    assert printed.err.splitlines()[-2:] == [f"Report: {page}", f"Report: {table}"]
    assert page.read_text().startswith("<!doctype html>")
    assert table.read_text().startswith("run,")


@pytest.mark.parametrize(
    ("name", "begins"), [("a.csv", "run,"), ("a.html", "<!doctype html>"), ("a.JSON", '{"title"'), ("a", "# tlbench")]
)
def test_the_ending_of_a_file_says_its_format(name: str, begins: str, run: Path, tmp_path: Path) -> None:
    command("report", run, "--output", tmp_path / name)
    assert (tmp_path / name).read_text().startswith(begins)


def test_columns_go_to_each_file(run: Path, tmp_path: Path) -> None:
    files = [tmp_path / "a.csv", tmp_path / "a.md"]
    command("report", run, "--columns", "backbone", "--format", f"csv={files[0]}", "--format", f"markdown={files[1]}")
    assert [file.read_text().splitlines()[-1] for file in files] == [
        "MobileNet (alpha=0.25)",
        "| MobileNet (alpha=0.25) |",
    ]
