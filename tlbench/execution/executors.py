"""Ways to run work: in child processes, or in this one. A new way is one class and one entry in `EXECUTORS`."""

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from tlbench.core.errors import UserError
from tlbench.core.plugins import Registry
from tlbench.execution import child, server
from tlbench.execution.entry_points import OPEN_TIMER, RUN_GROUP, SERVE_TIMER
from tlbench.execution.job import Finished, Group, Progress
from tlbench.execution.loading import FrameworkError
from tlbench.execution.outcome import Outcome, Raised, Returned, failure
from tlbench.measuring.hosts import LostError, Pace, Participant, Ready, TimerHost
from tlbench.measuring.jobs import TimerJob
from tlbench.results.record import Failure

OnMessage = Callable[[Progress | Finished], None]


class GroupRunner(Protocol):
    """Trains groups of cells. `log` is where a worker's own output goes, `timeout` is in seconds."""

    def run(self, group: Group, on_message: OnMessage, timeout: float, log: Path) -> Outcome:
        """Run `group` to its end, or to the first cell that fails; `timeout` is for each cell."""

    def stop(self) -> None:
        """End whatever other threads run with this object, and nothing else."""


class Executor(GroupRunner, TimerHost, Protocol):
    """Both halves of a run: trains its groups, and hosts its models while they are timed."""


class ProcessExecutor:
    """A child process for each group and for each model: a crash or a memory peak stays there."""

    def __init__(self) -> None:
        self._running: set[child.Conversation] = set()

    def run(self, group: Group, on_message: OnMessage, timeout: float, log: Path) -> Outcome:
        """In a child of its own."""
        server.start_server(group.jobs[0].cell.backend)
        return child.run(
            RUN_GROUP,
            group,
            on_message=on_message,
            timeout=timeout,
            renews=Finished,
            log=log,
            memory=group.memory,
            running=self._running,
        )

    def stop(self) -> None:
        """Kill the children that run groups of this executor."""
        for conversation in tuple(self._running):
            conversation.kill()

    def open(self, job: TimerJob, timeout: float, log: Path) -> Participant:
        """In a child of its own, which sleeps between its turns."""
        server.start_server(job.backend)
        try:
            return _Sleeper(job, timeout, log)
        except FrameworkError as error:  # what was trained is there, and other models may yet be opened
            why = Failure(
                type="FrameworkError", message=str(error), advice="Mend that; the same command takes the times."
            )
            raise LostError("killed", why) from error


class _Sleeper:
    """A child that was built to be timed, and sleeps until it is its turn."""

    def __init__(self, job: TimerJob, timeout: float, log: Path) -> None:
        self._timeout, self._log = timeout, log
        self._lost: LostError | None = None
        self._child = child.Conversation(SERVE_TIMER, job, log)
        self.ready: Ready = self._answer()

    def turn(self, index: int, pace: Pace) -> tuple[float, ...]:
        if self._lost is not None:  # by another step of the same model
            raise self._lost
        self._child.say((index, pace))
        samples: tuple[float, ...] = self._answer()
        return samples

    def close(self) -> None:
        self._child.end()

    def _answer(self) -> Any:
        try:
            answer = self._child.listen(self._timeout)
        except BaseException:
            self.close()
            raise
        if isinstance(answer, Outcome):
            self.close()
            self._lost = _lost(answer, self._log)
            raise self._lost
        return answer


class InlineExecutor:
    """In this process, for a debugger: no time limit, no protection from a crash, output not kept apart."""

    def run(self, group: Group, on_message: OnMessage, timeout: float, log: Path) -> Outcome:
        """Here and now."""
        del timeout, log
        server.choose_backend(group.jobs[0].cell.backend)
        try:
            return Returned(child.resolve(RUN_GROUP)(group, on_message))
        except Exception as error:  # noqa: BLE001 - as in a child: whatever it is becomes a record
            return _raised(error)

    def stop(self) -> None:
        """Nothing: this is the only thread."""

    def open(self, job: TimerJob, timeout: float, log: Path) -> Participant:
        """Here: all models live in this process, and take turns all the same."""
        del timeout
        server.choose_backend(job.backend)
        try:
            participant: Participant = child.resolve(OPEN_TIMER)(job)
        except Exception as error:
            raise _lost(_raised(error), log) from error
        return participant


def _raised(error: Exception) -> Raised:
    return Raised(type(error).__name__, str(error), traceback.format_exc(), isinstance(error, UserError))


def _lost(outcome: Outcome, log: Path) -> LostError:
    """A model is lost since its child ended so; `log` gets the traceback, and is named where anything is in it."""
    if isinstance(outcome, Raised):
        with log.open("a", encoding="utf-8") as file:
            file.write(outcome.traceback)
    printed = log.exists() and log.stat().st_size > 0
    return LostError(*failure(outcome, f"logs/{log.name}" if printed else None))


EXECUTORS: Registry[Callable[[], Executor]] = Registry(
    "executor", "tlbench.executors", {"process": ProcessExecutor, "inline": InlineExecutor}
)
"""What makes an executor, by name: each run has its own, so that stopping one leaves the others alone."""
