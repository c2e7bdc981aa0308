"""Ways to run work: in child processes, or in this one. A new way is one class and one entry in `EXECUTORS`."""

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from tlbench.core.errors import UserError
from tlbench.execution import child
from tlbench.execution.job import Finished, Group, Progress, Ready, TimerJob
from tlbench.measuring.rounds import LostError

WORKER = "tlbench.worker.train:run_group"
TIMER = "tlbench.worker.timer"
OnMessage = Callable[[Progress | Finished], None]


class Participant(Protocol):
    """A model that waits for its turns, or the reference workload."""

    ready: Ready

    def turn(self, index: int) -> tuple[float, ...]:
        """Seconds of some steps of kind `index`. Raises LostError, with the child.Outcome, when it is gone."""

    def close(self) -> None:
        """Give its memory back."""


class Executor(Protocol):
    """Runs groups of cells. `log` is where a worker's own output goes, `timeout` is in seconds."""

    def run(self, group: Group, on_message: OnMessage, timeout: float, log: Path) -> child.Outcome:
        """Run `group` to its end, or to the first cell that fails; `timeout` is for each cell."""

    def stop(self) -> None:
        """End whatever other threads run."""

    def open_timer(self, job: TimerJob | None, backend: str, timeout: float, log: Path) -> Participant:
        """Build a model (None: the reference workload) to be timed in turns. Raises LostError where that fails."""


class ProcessExecutor:
    """A child process for each group and for each model: a crash or a memory peak stays there."""

    def __init__(self) -> None:
        self._running: set[child.Conversation] = set()

    def run(self, group: Group, on_message: OnMessage, timeout: float, log: Path) -> child.Outcome:
        """In a child of its own."""
        child.start_server(group.jobs[0].cell.backend)
        return child.run(
            WORKER, group, on_message=on_message, timeout=timeout, renews=Finished, log=log, running=self._running
        )

    def stop(self) -> None:
        """Kill the children."""
        for one in tuple(self._running):
            one.kill()

    def open_timer(self, job: TimerJob | None, backend: str, timeout: float, log: Path) -> Participant:
        """In a child of its own, which sleeps between its turns."""
        child.start_server(backend)
        return _Sleeper(job, timeout, log)


class _Sleeper:
    def __init__(self, job: TimerJob | None, timeout: float, log: Path) -> None:
        self._timeout = timeout
        self._child = child.Conversation(f"{TIMER}:serve", job, log)
        self.ready: Ready = self._answer()

    def turn(self, index: int) -> tuple[float, ...]:
        self._child.say(index)
        taken: tuple[float, ...] = self._answer()
        return taken

    def close(self) -> None:
        self._child.end()

    def _answer(self) -> Any:
        try:
            answer = self._child.listen(self._timeout)
        except BaseException:
            self.close()
            raise
        if isinstance(answer, child.Outcome):
            self.close()
            raise LostError(answer)
        return answer


class InlineExecutor:
    """In this process, for a debugger: no time limit, no protection from a crash, output not kept apart."""

    def run(self, group: Group, on_message: OnMessage, timeout: float, log: Path) -> child.Outcome:
        """Here and now."""
        del timeout, log
        child.choose_backend(group.jobs[0].cell.backend)
        try:
            return child.Returned(child.resolve(WORKER)(group, on_message))
        except Exception as error:  # noqa: BLE001 - as in a child: whatever it is becomes a record
            return _raised(error)

    def stop(self) -> None:
        """Nothing: this is the only thread."""

    def open_timer(self, job: TimerJob | None, backend: str, timeout: float, log: Path) -> Participant:
        """Here: all models live in this process, and take turns all the same."""
        del timeout, log
        child.choose_backend(backend)
        try:
            participant: Participant = child.resolve(f"{TIMER}:open_timer")(job)
        except Exception as error:
            raise LostError(_raised(error)) from error
        return participant


def _raised(error: Exception) -> child.Raised:
    return child.Raised(type(error).__name__, str(error), traceback.format_exc(), isinstance(error, UserError))


EXECUTORS: dict[str, Executor] = {"process": ProcessExecutor(), "inline": InlineExecutor()}
