"""Executors are made for each run; what one of them stops, and how it loses a model, is its own affair."""

import multiprocessing
import signal
import threading
import time
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import psutil
import pytest

from tests.conftest import killed_at_once
from tests.execution.test_child import alive
from tests.execution.test_groups import job
from tlbench.execution import executors
from tlbench.execution.executors import EXECUTORS, InlineExecutor, ProcessExecutor
from tlbench.execution.job import Group
from tlbench.execution.loading import FrameworkError
from tlbench.execution.outcome import Died, Outcome
from tlbench.measuring.hosts import LostError, Pace
from tlbench.measuring.jobs import ReferenceJob

pytestmark = pytest.mark.usefixtures("light_server")
REFERENCE = ReferenceJob(backend="tensorflow")


class Running:
    """A group that runs in a thread of its own until it is stopped; its child tells its process id."""

    def __init__(self, executor: ProcessExecutor, log: Path) -> None:
        self.executor, self._said, self._outcome = executor, SimpleQueue[Any](), list[Outcome]()
        arguments = (Group((job(),), None), self._said.put, 60, log)
        self._thread = threading.Thread(target=lambda: self._outcome.append(executor.run(*arguments)))
        self._thread.start()
        self.pid = self._said.get(timeout=60)

    def end(self) -> Outcome:
        self._thread.join(60)
        return self._outcome[0]


def test_each_call_makes_another_executor() -> None:
    assert set(EXECUTORS) >= {"process", "inline"}
    assert EXECUTORS["process"]() is not EXECUTORS["process"]()


@killed_at_once
def test_stopping_one_run_leaves_the_children_of_another_alive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "RUN_GROUP", "tests.targets:tell_pid_and_sleep")
    first, second = (Running(ProcessExecutor(), tmp_path / name) for name in ("first.log", "second.log"))
    first.executor.stop()
    assert first.end() == Died(-signal.SIGTERM)
    assert psutil.pid_exists(second.pid)
    second.executor.stop()
    assert second.end() == Died(-signal.SIGTERM)


@pytest.mark.parametrize(("moment", "started"), [("earlier", 0), ("before the fork", None), ("after the fork", 1)])
def test_a_child_that_is_being_started_when_its_run_is_stopped_is_stopped_too(
    moment: str, started: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopping kills the fork server: it depends on the moment that takes whether the next one forks the child."""
    executor, forked = ProcessExecutor(), list[int]()
    kind = multiprocessing.get_context("forkserver").Process
    start = kind.start

    def stopped_meanwhile(process: Any) -> None:
        if moment == "before the fork":
            executor.stop()
        start(process)
        forked.append(process.pid)
        if moment == "after the fork":
            executor.stop()

    monkeypatch.setattr(executors, "RUN_GROUP", "tests.targets:tell_pid_and_sleep")
    monkeypatch.setattr(kind, "start", stopped_meanwhile)
    if moment == "earlier":
        executor.stop()
    assert isinstance(executor.run(Group((job(),), None), lambda message: None, 20, tmp_path / "log"), Died)
    assert started in (None, len(forked))
    soon = time.monotonic() + 10  # a process that was killed takes a moment to end
    while any(map(alive, forked)) and time.monotonic() < soon:
        time.sleep(0.01)
    assert not any(map(alive, forked))


def test_a_model_that_raises_is_lost_with_its_traceback_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executors, "SERVE_TIMER", "tests.targets:fail")
    with pytest.raises(LostError) as lost:
        ProcessExecutor().open(REFERENCE, 60, tmp_path / "model.log")
    assert lost.value.status == "failed"
    assert lost.value.failure.type == "ValueError"
    assert "logs/model.log" in lost.value.failure.advice
    assert "in fail" in (tmp_path / "model.log").read_text()


def test_a_model_that_is_killed_or_keeps_silent_is_lost_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executors, "SERVE_TIMER", "tests.targets:killed")
    with pytest.raises(LostError) as lost:
        ProcessExecutor().open(REFERENCE, 60, tmp_path / "model.log")
    assert (lost.value.status, lost.value.failure.type) == ("killed", "SIGKILL")
    monkeypatch.setattr(executors, "SERVE_TIMER", "tests.targets:echo")
    with pytest.raises(LostError) as lost:
        ProcessExecutor().open(REFERENCE, 0.2, tmp_path / "model.log")
    assert lost.value.status == "timeout"


def test_a_model_that_died_in_one_step_is_lost_in_all_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "SERVE_TIMER", "tests.targets:echo_once_and_die")
    monkeypatch.setattr(executors._Sleeper, "_answer", lambda sleeper: None)
    model = ProcessExecutor().open(ReferenceJob(backend="tensorflow"), 60, tmp_path / "x.log")
    monkeypatch.undo()
    pace = Pace(uncounted=0, counted=1)
    assert model.turn(0, pace) == (0, pace)  # what was said, echoed
    for step in (1, 0, 1):
        with pytest.raises(LostError, match="SIGKILL"):
            model.turn(step, pace)
    model.close()


def test_a_framework_that_does_not_load_any_more_loses_one_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise FrameworkError("Keras cannot be loaded")

    monkeypatch.setattr(executors, "Conversation", refuse)
    with pytest.raises(LostError, match="killed: FrameworkError: Keras cannot be loaded"):
        ProcessExecutor().open(ReferenceJob(backend="tensorflow"), 60, tmp_path / "x.log")


def test_the_inline_executor_loses_a_model_that_raises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "OPEN_TIMER", "tests.targets:give_up")
    with pytest.raises(LostError) as lost:
        InlineExecutor().open(REFERENCE, 60, tmp_path / "model.log")
    assert (lost.value.status, lost.value.failure.message) == ("oom", "no memory left")
