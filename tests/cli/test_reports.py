"""What `tlbench report` and the end of `tlbench run` say of the files that they wrote."""

from pathlib import Path

import pytest

from tests import builders
from tests.cli.test_outputs import command
from tests.session.runs import SUITE, make_run
from tlbench.cli import run as run_command
from tlbench.results.run_folder import RunFolder
from tlbench.session.folder import outdate_report
from tlbench.session.report import write
from tlbench.session.run import CompletedRun


@pytest.fixture
def photographs(tmp_path: Path) -> RunFolder:
    return make_run(tmp_path / "photographs", [builders.record()])


@pytest.fixture
def stand_ins(tmp_path: Path) -> RunFolder:
    marked = builders.record(data=builders.data(fallback=True), weights=builders.weights(fallback=True))
    return make_run(tmp_path / "stand_ins", [marked])


def said(capsys: pytest.CaptureFixture[str], ended: object) -> str:
    """The last line on stderr of a command that ended so."""
    assert ended in (0, None)
    return capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(
    ("run", "name"), [("photographs", "report.html"), ("stand_ins", "report.synthetic-data.random-weights.html")]
)
def test_a_report_says_which_of_its_files_to_open(
    run: str, name: str, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    folder: RunFolder = request.getfixturevalue(run)
    expected = f"Report: {folder.path / name} (open it in a browser; the run's other files are beside it)"
    assert said(capsys, command("report", folder.path)) == expected
    assert (folder.path / name).exists()


@pytest.mark.parametrize("written_now", [True, False])
def test_a_run_ends_in_the_page_to_open_also_where_nothing_was_left_to_do(
    written_now: bool,
    photographs: RunFolder,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    files = write(photographs).files if written_now else ()
    done = CompletedRun(photographs.path, photographs.run, (), (), files, "", "")
    monkeypatch.setattr(run_command, "run", lambda *args, **settings: write(photographs) and done)
    (tmp_path / "suite.yaml").write_text(SUITE)
    assert f"Report: {photographs.path / 'report.html'} (" in said(capsys, command("run", tmp_path / "suite.yaml"))


def test_a_page_that_is_older_than_a_record_is_not_offered(
    photographs: RunFolder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As in a folder that may only be read, where a record was measured after the report."""
    write(photographs)
    outdate_report(photographs)
    done = CompletedRun(photographs.path, photographs.run, (), (), (), "", "")
    monkeypatch.setattr(run_command, "run", lambda *args, **settings: done)
    (tmp_path / "suite.yaml").write_text(SUITE)
    command("run", tmp_path / "suite.yaml")
    assert "Report: " not in capsys.readouterr().err
