"""What `tlbench run` says besides its report."""

import errno
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import tlbench
from tests import builders
from tests.session.runs import make_run
from tlbench.cli import main, run
from tlbench.core.errors import UserError
from tlbench.results.run_folder import create
from tlbench.session.run import CompletedRun


@pytest.mark.parametrize(
    ("options", "again"),
    [
        ([], "the same command resumes the run."),
        (["--fresh"], "the same command without --fresh resumes the run."),
    ],
    ids=["", "fresh"],
)
def test_a_run_that_is_stopped_names_the_command_that_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], again: str
) -> None:
    def stopped(suite: Path, *, events: Any, **others: Any) -> None:
        events.created(create(tmp_path / "run", "made", "", ["a"], datetime(2026, 1, 1, tzinfo=UTC)))
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "run", stopped)
    said = CliRunner().invoke(run.command, ["suite.yaml", *options], standalone_mode=False)
    assert said.return_value == 130
    assert f"Stopped. Finished cells are kept in {tmp_path / 'run'}; {again}\n" in said.stderr


@pytest.mark.parametrize("finished", [True, False])
def test_a_disk_that_fills_up_says_what_is_kept_only_where_something_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], finished: bool
) -> None:
    def filled(suite: Path, *, events: Any, **others: Any) -> None:
        records = [builders.record()] if finished else []
        events.created(make_run(tmp_path / "run", records))
        raise OSError(errno.ENOSPC, "No space left on device", "run/models/a.keras")

    monkeypatch.setattr(run, "run", filled)
    with pytest.raises(SystemExit) as ended:
        main(["run", "suite.yaml"])
    assert ended.value.code == 64
    kept = f"; finished cells are kept in {tmp_path / 'run'}" if finished else ""
    said = capsys.readouterr().err.splitlines()[-1]
    assert said == f"tlbench: run/models/a.keras: No space left on device; free some space there{kept}"


def test_a_selection_says_how_many_of_the_run_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cells = [builders.cell(seed=seed) for seed in range(3)]
    folder = create(tmp_path / "run", "made", "", [cell.id for cell in cells], datetime(2026, 1, 1, tzinfo=UTC))

    def selected(*suite: Path, select: str, **others: Any) -> CompletedRun:
        some = tuple(cells[:1] if select else cells)
        return CompletedRun(folder.path, folder.run, some, (), (), "", "tables\n")

    monkeypatch.setattr(run, "run", selected)
    said = CliRunner().invoke(run.command, ["suite.yaml", "--select", "seed=0"], standalone_mode=False)
    assert f"Selected: 1 of 3 cells. The tables show every cell that {folder.path} has a record of.\n" in said.stderr
    assert "selected" not in CliRunner().invoke(run.command, ["suite.yaml"], standalone_mode=False).stderr


def test_the_command_line_names_options_where_python_names_arguments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main_says(["init", "--out", "s.yaml"], capsys) == ""
    wrong = "is a file, and a run needs a folder; name another folder with"
    assert main_says(["run", "s.yaml", "--out", "s.yaml"], capsys) == f"tlbench: s.yaml {wrong} --out\n"
    with pytest.raises(UserError, match=f"s.yaml {wrong} `out`"):
        tlbench.run("s.yaml", out="s.yaml")


def main_says(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit):
        main(words)
    return capsys.readouterr().err
