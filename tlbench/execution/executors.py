"""Executors: run work in child processes, in this process, or on a cluster.

A new executor is one class and one entry in `EXECUTORS`.
"""

import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from tlbench.cache.folders import size
from tlbench.core.errors import UserError, argument
from tlbench.core.files import append_text
from tlbench.core.plugins import Registry, resolve
from tlbench.execution import child, server
from tlbench.execution.children import Children
from tlbench.execution.conversation import Conversation
from tlbench.execution.entry_points import OPEN_TIMER, RUN_GROUP, SERVE_TIMER
from tlbench.execution.job import Finished, Group, Progress, Resources
from tlbench.execution.loading import FrameworkError
from tlbench.execution.outcome import Outcome, Raised, Returned, failure, refuse_full_disk
from tlbench.host import shares
from tlbench.host.resources import memory_limit, side_by_side, usable_cores
from tlbench.host.shares import Share
from tlbench.host.shares import shares as divided
from tlbench.measuring.hosts import LostError, Pace, Participant, Ready, TimerHost, Turned
from tlbench.measuring.jobs import TimerJob
from tlbench.results.record import Failure

OnMessage = Callable[[Progress | Finished], None]


class GroupRunner(Protocol):
    """Trains groups of cells."""

    def run(self, group: Group, on_message: OnMessage, timeout: float, log: Path) -> Outcome:
        """Run a group to its end, or to the first cell that fails.

        Args:
            group: the cells to train.
            on_message: called with progress and with finished cells.
            timeout: the longest time for each cell, in seconds.
            log: the file for the output of the worker.
        """

    def stop(self) -> None:
        """End everything that other threads run with this object, and nothing else."""

    def slots(self, needs: Resources, workers: int | None) -> Sequence[Share | None]:
        """The groups that may run side by side, each with its share of the machine (None: all of it).

        Args:
            needs: the resources of one cell.
            workers: how many groups run side by side; None: as many as make sense.

        Raises:
            UserError: no cell with these needs, or not as many as `workers`, could ever run.
        """


class Executor(GroupRunner, TimerHost, Protocol):
    """Trains groups of cells, and hosts models while their steps are timed."""


class ProcessExecutor:
    """Runs each group and each timed model in a child process, which contains crashes and memory peaks."""

    def __init__(self) -> None:
        self._children = Children()

    def run(self, group: Group, on_message: OnMessage, timeout: float, log: Path) -> Outcome:
        """Run the group in a child process."""
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
        """Kill the children that train groups, now and in the future."""
        self._children.stop()

    def slots(self, needs: Resources, workers: int | None) -> Sequence[Share | None]:
        """`workers` shares of this machine; by default one per GPU, or two on all cores if memory allows."""
        most = room_for(needs)
        if workers is not None:
            if workers > most:
                raise UserError(
                    f"{argument('workers')} {workers}: cells with these `resources` fit {most} at once on this machine"
                )
            return divided(workers, shares.cores(), shares.gpus()) if workers > 1 else (None,)
        if (gpus := shares.gpus()) and len(gpus) > 1:
            return divided(min(len(gpus), most), shares.cores(), gpus)
        return (None,) * min(side_by_side(), most)

    def open(self, job: TimerJob, timeout: float, log: Path) -> Participant:
        """Build the model in a child process that sleeps between its turns."""
        try:
            return _Sleeper(job, timeout, log)
        except FrameworkError as error:  # lose this model only: trained cells are done, and others may still be timed
            why = Failure(
                type="FrameworkError", message=str(error), advice="Mend that; the same command takes the times."
            )
            raise LostError("killed", why) from error


class _Sleeper:
    """A model in a child process, which sleeps until it is its turn to be timed."""

    def __init__(self, job: TimerJob, timeout: float, log: Path) -> None:
        self._timeout, self._log = timeout, log
        self._lost: LostError | None = None
        self._child = Conversation(SERVE_TIMER, job, log, job.backend)
        self.ready: Ready = self._answer()

    def turn(self, index: int, pace: Pace) -> Turned:
        if self._lost is not None:  # another step of the same model failed
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
    """Runs everything in this process, for debugging: without timeouts, isolation from crashes, or separate logs."""

    def __init__(self) -> None:
        self._opening = threading.Lock()

    def run(self, group: Group, on_message: OnMessage, timeout: float, log: Path) -> Outcome:
        """Run the group in this thread."""
        del timeout, log
        server.choose_backend(group.jobs[0].cell.backend)
        try:
            return Returned(resolve(RUN_GROUP)(group, on_message))
        except Exception as error:  # noqa: BLE001 - every error becomes a record, as in a child
            return Raised.by(error)

    def stop(self) -> None:
        """Do nothing: there are no other threads."""

    def slots(self, needs: Resources, workers: int | None) -> Sequence[Share | None]:
        """One slot with the whole machine."""
        if workers and workers > 1:
            raise UserError(
                f"{argument('workers')}: the inline executor runs one cell after the other; leave out one of the two"
            )
        room_for(needs)
        return (None,)

    def open(self, job: TimerJob, timeout: float, log: Path) -> Participant:
        """Build the model in this process, where it takes turns with the others."""
        del timeout
        server.choose_backend(job.backend)
        try:
            with self._opening:  # a session may open models in several threads, which share Keras' global state
                participant: Participant = resolve(OPEN_TIMER)(job)
        except Exception as error:
            raise _lost(Raised.by(error), log) from error
        return participant


def room_for(needs: Resources) -> int:
    """How many cells with these needs fit on this machine at once. Raises UserError where none does."""
    cores, gpus, memory = usable_cores(), len(shares.gpus()), memory_limit()
    resources = [
        (needs.gpus, gpus, f"{needs.gpus} GPU, and this machine has {gpus}"),
        (needs.cpus, cores, f"{needs.cpus} cores, and this machine has {cores}"),
        (needs.memory, memory, f"{size(needs.memory or 0)} of memory, and this machine has {size(memory)}"),
    ]
    for needed, available, description in resources:
        if needed and needed > available:
            raise UserError(f"resources: a cell needs {description}; lower it in the suite, or take another machine")
    return min((available // needed for needed, available, _ in resources if needed), default=sys.maxsize)


def _lost(outcome: Outcome, log: Path) -> LostError:
    """The error for a model whose child ended with `outcome`. A traceback is appended to the log.

    Raises:
        OSError: a disk is full.
    """
    refuse_full_disk(outcome, log)
    if isinstance(outcome, Raised):
        append_text(log, outcome.traceback)
    printed = log.exists() and log.stat().st_size > 0
    return LostError(*failure(outcome, f"logs/{log.name}" if printed else None))


def _ray() -> Executor:
    from tlbench.execution.cluster import RayExecutor  # imports this module

    return RayExecutor()


EXECUTORS: Registry[Callable[[], Executor]] = Registry(
    "executor", "tlbench.executors", {"process": ProcessExecutor, "inline": InlineExecutor, "ray": _ray}, of=Callable
)
"""Factories of executors by name. Each run makes its own, so that stopping it leaves other runs alone."""
