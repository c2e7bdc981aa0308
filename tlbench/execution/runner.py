"""Run groups of cells, some side by side; each cell ends as a record, whatever happened to it."""

import threading
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from tlbench.core.cell import Cell
from tlbench.core.clock import now
from tlbench.core.version import __version__
from tlbench.execution.executors import GroupRunner
from tlbench.execution.groups import in_turns
from tlbench.execution.job import Finished, Group, Job, Progress
from tlbench.execution.outcome import Outcome, Raised, Returned, TooLarge, failure
from tlbench.host.environment import capture, git_commit
from tlbench.results.record import Provenance, Record
from tlbench.results.store import Store


class CellEvents(Protocol):
    """Who wants to know how it goes: the terminal, a test. Called by one thread at a time."""

    def begin(self, cell: Cell) -> None:
        """A cell starts."""

    def progress(self, cell: Cell, message: Progress) -> None:
        """A cell has come so far."""

    def end(self, record: Record) -> None:
        """A cell has a record, and the record is on disk."""


def run_groups(
    groups: Sequence[Group],
    executor: GroupRunner,
    store: Store,
    events: CellEvents,
    *,
    timeout: float,
    logs: Path,
    workers: int = 1,
) -> None:
    """Run `groups` and write each cell's record as soon as it is done. `timeout` is seconds a cell.

    A cell that fails, crashes or runs out of time gives a record that says so, and the run goes on with the next one,
    in a new child. Up to `workers` groups run side by side; a cell that runs out of memory beside others is tried once
    more, alone.
    """
    logs.mkdir(parents=True, exist_ok=True)
    run = _Run(executor, store, events, timeout, logs)
    if workers > 1 and len(groups) > 1:
        _side_by_side(run, in_turns(groups), workers)
        groups = run.again
    for group in groups:
        run.group(group, alone=True)


def _side_by_side(run: "_Run", groups: Sequence[Group], workers: int) -> None:
    with ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(run.group, group, alone=False) for group in groups]
        try:
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            for future in done:
                future.result()
        except BaseException:  # Ctrl-C, or a disk that is full: the other children go too
            pool.shutdown(wait=False, cancel_futures=True)
            run.stop()
            raise


@dataclass
class _Run:
    executor: GroupRunner
    store: Store
    events: CellEvents
    timeout: float
    logs: Path
    again: list[Group] = field(default_factory=list)
    """Groups that ran out of memory beside others."""
    stopped: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def group(self, group: Group, *, alone: bool) -> None:
        """Run a group to its end, in as many children as it takes."""
        rest: Group | None = group
        while rest is not None and not self.stopped:
            rest = _OneChild(self, rest).run(alone=alone)

    def stop(self) -> None:
        """End all children; what they were at gets no record."""
        self.stopped = True
        self.executor.stop()


class _OneChild:
    """Runs a group until its end or until a cell fails."""

    def __init__(self, run: _Run, group: Group) -> None:
        self._run, self._group, self._done = run, group, 0
        self._log = run.logs / f"{group.jobs[0].cell.id}.log"

    def run(self, *, alone: bool) -> Group | None:
        """The rest of the group, where a cell failed before its end."""
        self._log.unlink(missing_ok=True)
        self._begin()
        outcome = self._run.executor.run(self._group, self._hear, self._run.timeout, self._log)
        rest = self._group.jobs[self._done :]
        if self._run.stopped:
            return None
        if not isinstance(outcome, Returned):
            record = _failed(rest[0], outcome, self._started, self._log)
            by_others = record.status in ("oom", "killed") and not isinstance(outcome, TooLarge)
            if by_others and not alone:
                self._run.again.append(replace(self._group, jobs=rest))
                return None
            self._end(record)
            rest = rest[1:]
        if self._log.exists() and (isinstance(outcome, Returned) or not self._log.stat().st_size):
            self._log.unlink()
        return replace(self._group, jobs=rest) if rest else None

    def _hear(self, message: Progress | Finished) -> None:
        if isinstance(message, Progress):
            with self._run.lock:
                self._run.events.progress(self._group.jobs[self._done].cell, message)
            return
        # Predictions first: a record says that the cell is done.
        if message.predictions:
            self._run.store.write_predictions(message.record.cell_id, message.predictions)
        self._end(message.record)
        if self._done < len(self._group.jobs):
            self._begin()

    def _begin(self) -> None:
        self._started = now()
        with self._run.lock:
            self._run.events.begin(self._group.jobs[self._done].cell)

    def _end(self, record: Record) -> None:
        self._run.store.write(record)
        self._done += 1
        with self._run.lock:
            self._run.events.end(record)


def _failed(job: Job, outcome: Outcome, started: str, log: Path) -> Record:
    if isinstance(outcome, Raised):
        with log.open("a", encoding="utf-8") as file:
            file.write(outcome.traceback)
    status, why = failure(outcome, f"logs/{log.name}" if log.exists() and log.stat().st_size else None)
    return Record(
        cell_id=job.cell.id,
        cell=job.cell,
        status=status,
        environment=capture(),
        provenance=Provenance(tlbench=__version__, git_commit=git_commit(), started=started, finished=now()),
        failure=why,
        data=job.data.provenance() if job.data else None,
        weights=job.weights,
    )
