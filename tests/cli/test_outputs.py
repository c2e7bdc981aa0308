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


@pytest.mark.usefixtures("unmeasured")
@pytest.mark.parametrize("words", [("ab", "suite.yaml", "--a", "current"), ("compare", "a", "b"), ("deploy", "a")])
def test_an_unknown_format_is_told_before_anything_is_measured(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("suite.yaml").write_text(SUITE)
    with pytest.raises(UserError, match="there is no format 'markdwon'; did you mean 'markdown'"):
        command(*words, "--format", "text", "--format", "markdwon=s.md")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--profile", "--output", "x.txt"], "--profile prints its answer and nothing else; leave --output out"),
        (["--profile", "--within", "size=9"], "--profile prints its answer and nothing else; leave --within out"),
        (["--within", "size=9", "--json"], "--within prints its answer and nothing else; leave --json out"),
        (
            ["--within", "size=9", "--format", "csv=x.csv"],
            "--within prints its answer and nothing else; leave --format",
        ),
        (["--json", "--format", "csv=x.csv"], "--format csv=x.csv and --json are two formats; write one of them"),
    ],
)
def test_what_a_report_would_leave_unwritten_is_refused(words: list[str], said: str, run: Path) -> None:
    with pytest.raises(UserError, match=f"^{said}"):
        command("report", run, *words)


def test_json_names_its_file_with_format(run: Path, tmp_path: Path) -> None:
    command("report", run, "--json", "--format", f"json={tmp_path / 'x.json'}")
    rows: Any = json.loads((tmp_path / "x.json").read_text())["rows"]
    assert len(rows) == 1
