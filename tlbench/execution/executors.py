"""Ways to run work: in child processes, or in this one. A new way is one class and one entry in `EXECUTORS`."""

import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from tlbench.cache.folders import size
from tlbench.core.errors import UserError
from tlbench.core.plugins import Registry
from tlbench.execution import child, server
from tlbench.execution.children import Children
from tlbench.execution.entry_points import OPEN_TIMER, RUN_GROUP, SERVE_TIMER
from tlbench.execution.job import Finished, Group, Progress, Resources
from tlbench.execution.loading import FrameworkError
from tlbench.execution.outcome import Outcome, Raised, Returned, failure
from tlbench.host import shares
from tlbench.host.resources import memory_limit, side_by_side, usable_cores
from tlbench.host.shares import Share
from tlbench.host.shares import shares as divided
from tlbench.measuring.hosts import LostError, Pace, Participant, Ready, TimerHost, Turned
from tlbench.measuring.jobs import TimerJob
from tlbench.results.record import Failure

OnMessage = Callable[[Progress | Finished], None]


class GroupRunner(Protocol):
    """Trains groups of cells. `log` is where a worker's own output goes, `timeout` is in seconds."""

    def run(self, group: Group, on_message: OnMessage, timeout: float, log: Path) -> Outcome:
        """Run `group` to its end, or to the first cell that fails; `timeout` is for each cell."""

    def stop(self) -> None:
        """End whatever other threads run with this object, and nothing else."""

    def slots(self, needs: Resources, workers: int | None) -> Sequence[Share | None]:
        """What each of the groups that run side by side may use; as many as `workers`, where it says how many.

        Raises UserError where a cell that `needs` so much could never run, or not so many at once.
        """


class Executor(GroupRunner, TimerHost, Protocol):
    """Both halves of a run: trains its groups, and hosts its models while they are timed."""


class ProcessExecutor:
    """A child process for each group and for each model: a crash or a memory peak stays there."""

    def __init__(self) -> None:
        self._children = Children()

    def run(self, group: Group, on_message: OnMessage, timeout: float, log: Path) -> Outcome:
        """In a child of its own."""
        return child.run(
            RUN_GROUP,
            replace(group, keeps_memory=True),
            backend=group.jobs[0].cell.backend,
            on_message=on_message,
            timeout=timeout,
            renews=Finished,
            log=log,
            memory=group.memory,
            among=self._children,
        )

    def stop(self) -> None:
        """Kill the children that run groups of this executor, now and from now on."""
        self._children.stop()

    def slots(self, needs: Resources, workers: int | None) -> Sequence[Share | None]:
        """As many as are asked for, each with its part of this machine; else as many as there is room for."""
        most = room_for(needs)
        if workers is not None:
            if workers > most:
                raise UserError(f"--workers {workers}: cells with these `resources` fit {most} at once on this machine")
            return divided(workers, shares.cores(), shares.gpus()) if workers > 1 else (None,)
        if (gpus := shares.gpus()) and len(gpus) > 1:
            return divided(min(len(gpus), most), shares.cores(), gpus)
        return (None,) * min(side_by_side(), most)

    def open(self, job: TimerJob, timeout: float, log: Path) -> Participant:
        """In a child of its own, which sleeps between its turns."""
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
        self._child = child.Conversation(SERVE_TIMER, job, log, job.backend)
        self.ready: Ready = self._answer()

    def turn(self, index: int, pace: Pace) -> Turned:
        if self._lost is not None:  # by another step of the same model
            raise self._lost
        self._child.say((index, pace))
        turned: Turned = self._answer()
        return turned

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

    def __init__(self) -> None:
        self._opening = threading.Lock()

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

    def slots(self, needs: Resources, workers: int | None) -> Sequence[Share | None]:
        """One: the whole machine."""
        if workers and workers > 1:
            raise UserError("--workers: the inline executor runs one cell after the other; leave out one of the two")
        room_for(needs)
        return (None,)

    def open(self, job: TimerJob, timeout: float, log: Path) -> Participant:
        """Here: all models live in this process, and take turns all the same."""
        del timeout
        server.choose_backend(job.backend)
        try:
            with self._opening:  # a session may build several at once, which share Keras' state here
                participant: Participant = child.resolve(OPEN_TIMER)(job)
        except Exception as error:
            raise _lost(_raised(error), log) from error
        return participant


def room_for(needs: Resources) -> int:
    """How many cells that need so much fit on this machine at once. Raises UserError where none does."""
    cores, gpus, memory = usable_cores(), len(shares.gpus()), memory_limit()
    asked = [
        (needs.gpus, gpus, f"{needs.gpus} GPU, and this machine has {gpus}"),
        (needs.cpus, cores, f"{needs.cpus} cores, and this machine has {cores}"),
        (needs.memory, memory, f"{size(needs.memory or 0)} of memory, and this machine has {size(memory)}"),
    ]
    for wanted, there, said in asked:
        if wanted and wanted > there:
            raise UserError(f"resources: a cell needs {said}; lower it in the suite, or take another machine")
    return min((there // wanted for wanted, there, _ in asked if wanted), default=sys.maxsize)


def _raised(error: Exception) -> Raised:
    return Raised(type(error).__name__, str(error), traceback.format_exc(), isinstance(error, UserError))


def _lost(outcome: Outcome, log: Path) -> LostError:
    """A model is lost since its child ended so; `log` gets the traceback, and is named where anything is in it."""
    if isinstance(outcome, Raised):
        with log.open("a", encoding="utf-8") as file:
            file.write(outcome.traceback)
    printed = log.exists() and log.stat().st_size > 0
    return LostError(*failure(outcome, f"logs/{log.name}" if printed else None))


def _ray() -> Executor:
    from tlbench.execution.cluster import RayExecutor  # which knows this file

    return RayExecutor()


EXECUTORS: Registry[Callable[[], Executor]] = Registry(
    "executor", "tlbench.executors", {"process": ProcessExecutor, "inline": InlineExecutor, "ray": _ray}, of=Callable
)
"""What makes an executor, by name: each run has its own, so that stopping one leaves the others alone."""
