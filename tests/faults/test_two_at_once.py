"""Two runs, one folder; runs that cannot be read beside others; folders that may only be read."""

import errno
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests import builders
from tests.session.runs import make_run, seeds
from tlbench.execution.inputs import Inputs
from tlbench.execution.resume import Wanted
from tlbench.host.environment import capture
from tlbench.results.owner import OWNER_FILE, OwnedError, Owner
from tlbench.results.run_folder import RUN_FILE, open_run, runs_under
from tlbench.results.store import Store
from tlbench.session import report, start
from tlbench.session.costs import earlier_records
from tlbench.session.side import read_side
from tlbench.session.trends import trends

HOLDS = """\
import sys, time
from pathlib import Path
from tlbench.results.owner import Owner
with Owner(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_folder_has_one_owner_who_says_who_it_is_and_is_forgotten_when_killed(tmp_path: Path) -> None:
    first = subprocess.Popen([sys.executable, "-c", HOLDS, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert first.stdout is not None
    assert first.stdout.readline() == "held\n"
    who = rf"process {first.pid} on {socket.gethostname()}, since 20\d\d-.*name another folder with `out`"
    with pytest.raises(OwnedError, match=who):
        Owner(tmp_path)
    first.send_signal(signal.SIGKILL)
    first.wait()
    first.stdout.close()
    assert (tmp_path / OWNER_FILE).exists()  # stale
    with Owner(tmp_path), pytest.raises(OwnedError):
        Owner(tmp_path)  # another run of this process
    assert not (tmp_path / OWNER_FILE).exists()


def test_a_folder_that_an_owner_has_made_for_nothing_goes_with_it(tmp_path: Path) -> None:
    for name, made, kept in (("new", False, False), ("there", True, True)):
        if made:
            (tmp_path / name).mkdir()
        with Owner(tmp_path / name):
            assert (tmp_path / name / OWNER_FILE).exists()
        assert (tmp_path / name).exists() is kept
    with Owner(tmp_path / "used"):
        (tmp_path / "used" / "a").touch()
    assert [file.name for file in (tmp_path / "used").iterdir()] == ["a"]


def test_ok_is_never_replaced_by_a_failure(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write(builders.failed())
    store.write(builders.record())
    store.write(builders.failed())
    assert [one.status for one in store.read_all().records] == ["ok"]


def test_one_unreadable_run_among_many_blocks_nothing(tmp_path: Path) -> None:
    for day in (1, 2):
        make_run(tmp_path / str(day), seeds(0), day=day)
    make_run(tmp_path / "damaged", seeds(0), day=3).path.joinpath(RUN_FILE).write_text("{")
    newer = make_run(tmp_path / "newer", seeds(0), day=4)
    (record,) = Store(newer.path).read_all().records
    Store(newer.path).write(record.model_copy(update={"schema_version": 99}))
    make_run(tmp_path / "later", seeds(0), day=5).path.joinpath(RUN_FILE).write_text(json.dumps({"schema_version": 99}))
    said: list[str] = []
    assert [run.path.name for run in runs_under(tmp_path, said.append)] == ["newer", "2", "1"]
    assert len(said) == 2
    side = read_side(tmp_path)
    assert len(side.entries[0].times[0].draws) == 2
    assert sum("left out" in note for note in side.notes) == 3
    told: list[str] = []
    assert trends(tmp_path, say=told.append).runs == 2
    assert sum("left out" in sentence for sentence in told) == 3


def forbid(monkeypatch: pytest.MonkeyPatch, *places: Path) -> None:
    """Nobody may look into these folders, or read these files: tests may run as root, who may."""

    def allowed(path: object, call: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        asked = Path(str(path)).absolute()
        if any(place in (asked, *asked.parents) for place in places) and (call is not stat or asked not in places):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return call(path, *arguments, **options)

    stat, read, listed, scanned = Path.stat, os.open, os.listdir, os.scandir
    monkeypatch.setattr(Path, "stat", lambda self, **options: allowed(self, stat, **options))
    monkeypatch.setattr(os, "open", lambda path, *more, **options: allowed(path, read, *more, **options))
    monkeypatch.setattr(os, "listdir", lambda path: allowed(path, listed))
    monkeypatch.setattr(os, "scandir", lambda path: allowed(path, scanned))


def test_runs_that_another_user_allows_nobody_to_read_are_named_and_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for suite, name in (("made", "own"), ("made", "closed"), ("made", "secret"), ("made", "partly"), ("theirs", "x")):
        make_run(tmp_path / "results" / suite / name, seeds(0), day=2 if name == "own" else 1)
    made = tmp_path / "results" / "made"
    (record,) = (made / "partly" / "records").iterdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tlbench.session.costs.machine", lambda: builders.environment().identity)
    forbid(monkeypatch, made / "closed", made / "secret" / RUN_FILE, record, tmp_path / "results" / "theirs")
    said: list[str] = []
    assert [run.path.name for run in runs_under(made, said.append)] == ["own", "partly"]
    assert sorted(said) == [f"left out: {made / name} (Permission denied)" for name in ("closed", "secret")]
    assert [one.cell.seed for one in earlier_records()] == [0]
    side = read_side(made)
    assert (
        sum(f"{made / name} (Permission denied)" in note for note in side.notes for name in ("closed", "partly")) == 2
    )
    told: list[str] = []
    assert trends(made, say=told.append).runs == 1
    assert f"note: left out: {made / 'partly'} (Permission denied)" in told


def test_a_run_of_another_user_is_no_reason_not_to_begin_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (record,) = seeds(0)
    theirs = make_run(tmp_path / "theirs", [record])
    (file,) = (theirs.path / "records").iterdir()
    forbid(monkeypatch, file)
    noted: list[str] = []
    events: Any = SimpleNamespace(note=noted.append)
    assert start._first([theirs], [record.cell_id], Wanted([record.cell], Inputs({}, {}), capture()), events) is None
    assert noted == [f"left out: {theirs.path} (Permission denied)"]


def test_a_report_of_a_folder_that_may_only_be_read_is_shown_and_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(tmp_path / "run", seeds(0))

    def read_only(path: Path, content: bytes) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    monkeypatch.setattr(report, "write_atomically", read_only)
    said: list[str] = []
    written = report.write(run, said.append)
    assert written.files == ()
    assert written.markdown.startswith("# tlbench: made")
    assert said == [f"note: {run.path} may only be read (Read-only file system); no report was written there"]


def test_records_that_may_not_be_read_are_not_taken_for_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`Path.glob` finds nothing there, and a run would have trained its finished cells again."""
    closed = make_run(tmp_path / "closed", seeds(0), day=2).path
    forbid(monkeypatch, closed / "records")
    with pytest.raises(PermissionError, match="records"):
        open_run(closed)
    with pytest.raises(PermissionError, match="records"):
        Store(closed).read_all()
    said: list[str] = []
    assert runs_under(tmp_path, said.append) == []
    assert said == [f"left out: {closed} (Permission denied)"]
