"""Processes are killed while the real command takes step times: what was measured stays, the rest is said."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

import tlbench
from tests.integration.conftest import LIGHT, environment, make_place
from tests.narrow import present
from tlbench.core.cell import Cell
from tlbench.results.record import Failure, Record
from tlbench.results.store import Store

WAIT = 240.0
Find = Callable[[psutil.Process], bool]


def output(process: psutil.Process) -> str:
    """The file that a process writes its output to; empty where it ended meanwhile."""
    try:
        return str(Path(f"/proc/{process.pid}/fd/1").readlink())
    except OSError:
        return ""


def is_fork_server(process: psutil.Process) -> bool:
    """Its children have its command line, but print to logs of their own."""
    forked = any("forkserver" in word for word in process.cmdline())
    return forked and not output(process).endswith(".log")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return make_place(tmp_path / "place", LIGHT.replace("epochs: 2", "epochs: 1"))


@pytest.fixture
def here(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same as this process' working directory, with a cache of its own."""
    for name, value in environment(place).items():
        if name.startswith("TLBENCH_"):
            monkeypatch.setenv(name, value)
    monkeypatch.chdir(place)
    return place


def kill_in_the_timing_phase(
    place: Path, find: Find, *args: str
) -> tuple[subprocess.CompletedProcess[str], list[Record]]:
    """Run the tiny suite; once a model is being opened to be timed, kill the process that `find` finds."""
    running = subprocess.Popen(
        [sys.executable, "-m", "tlbench", "run", "tiny.yaml", "--out", "run", *args],
        cwd=place, env=environment(place), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    killed, deadline = False, time.monotonic() + WAIT
    while not killed and time.monotonic() < deadline and running.poll() is None:
        time.sleep(0.05)
        if not list(place.glob("run/logs/*.timing.log")):  # the reference workload is opened before
            continue
        for process in psutil.Process(running.pid).children(recursive=True):
            if find(process):
                process.send_signal(signal.SIGKILL)
                killed = True
                break
    out, said = running.communicate(timeout=WAIT)
    assert killed, said
    return subprocess.CompletedProcess([], running.returncode, out, said), list(Store(place / "run").read_all().records)


def test_a_fork_server_that_is_killed_costs_nothing(place: Path) -> None:
    said, records = kill_in_the_timing_phase(place, is_fork_server, "--select", "strategy=frozen")
    assert said.returncode == 0, said.stderr
    assert "Traceback" not in said.stderr
    (record,) = records
    assert record.timings is not None
    assert not any(doubt.kind == "reference" for doubt in record.timings.inference.doubts)


def kill_the_one(log: str) -> None:
    """The one child of this process that prints to a file of that name."""
    (process,) = (one for one in psutil.Process().children(recursive=True) if output(one).endswith(f"/{log}"))
    process.kill()


class KillsReference(tlbench.Silent):
    """Kills the reference workload when the first model is being opened, which is after it."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def opening(self, cell: Cell, number: int, total: int) -> None:
        if number == 1:
            kill_the_one("reference.log")

    def reference_lost(self, why: Failure) -> None:
        self.said.append(why.type)


def test_a_reference_workload_that_is_killed_is_said_in_the_run_and_in_its_records(here: Path) -> None:
    """What the terminal says of it: tests/cli/test_progress.py."""
    events = KillsReference()
    done = tlbench.run("tiny.yaml", select="strategy=frozen", out="run", events=events)
    assert done.failed == ()
    assert events.said == ["SIGKILL"]
    (record,) = Store(here / "run").read_all().records
    assert record.timings is not None
    for step in record.timings.steps:
        assert len(step.samples) >= 15
        assert step.reference == ()
        assert "reference" in {doubt.kind for doubt in step.doubts}
    (report,) = (here / "run").glob("report*.md")
    assert "the reference workload was lost" in report.read_text()  # its remarks on step times


class Kills(tlbench.Silent):
    """Kills the model of the strategy `full` when the second round begins."""

    def __init__(self) -> None:
        self.opened: dict[str, str] = {}
        self.said: list[str] = []

    def opening(self, cell: Cell, number: int, total: int) -> None:
        self.opened[cell.strategy.name] = cell.id

    def round(self, number: int, waiting: int, models: int) -> None:
        if number == 2:
            kill_the_one(f"{self.opened['full']}.timing.log")

    def lost(self, cell: Cell, why: Failure) -> None:
        self.said.append(f"{cell.strategy.name}: {why.type}")


def test_a_model_that_is_killed_between_its_turns_loses_its_own_steps_alone(here: Path) -> None:
    events = Kills()
    done = tlbench.run("tiny.yaml", out="run", events=events)
    assert events.said == ["full: SIGKILL"]
    records = {one.cell.strategy.name: one for one in Store(here / "run").read_all().records}
    assert records["full"].timings is None
    assert present(records["full"].timing_failure).type == "SIGKILL"
    assert present(records["frozen"].timings).steps
    assert [one.cell.strategy.name for one in done.failed] == ["full"]
