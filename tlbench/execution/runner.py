"""Run groups of cells one after the other; each cell ends as a record, whatever happened to it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from tlbench import __version__
from tlbench.execution.child import Outcome, Raised, Returned
from tlbench.execution.clock import now
from tlbench.execution.executors import Executor
from tlbench.execution.job import Finished, Group, Job, Progress
from tlbench.execution.outcome import failure
from tlbench.measurement.environment import capture, git_commit
from tlbench.results.record import Provenance, Record
from tlbench.results.store import Store
from tlbench.suite.cell import Cell


class Events(Protocol):
    """Who wants to know how it goes: the terminal, a test."""

    def begin(self, cell: Cell) -> None:
        """A cell starts."""

    def progress(self, message: Progress) -> None:
        """The current cell has come so far."""

    def end(self, record: Record) -> None:
        """The current cell has a record, and the record is on disk."""


def run_groups(
    groups: Sequence[Group], executor: Executor, store: Store, events: Events, *, timeout: float, logs: Path
) -> tuple[Record, ...]:
    """Run `groups` in order and write each cell's record as soon as it is done. `timeout` is seconds a cell.

    A cell that fails, crashes or runs out of time or memory gives a record that says so, and the run goes on with the
    next one, in a new child.
    """
    logs.mkdir(parents=True, exist_ok=True)
    records: list[Record] = []
    for group in groups:
        while group.jobs:
            done = _Runner(group, executor, store, events, timeout, logs).run()
            records += done
            group = replace(group, jobs=group.jobs[len(done) :])
    return tuple(records)


class _Runner:
    """Runs a group until its end or until a cell fails."""

    def __init__(
        self, group: Group, executor: Executor, store: Store, events: Events, timeout: float, logs: Path
    ) -> None:
        self._group, self._executor, self._store, self._events = group, executor, store, events
        self._timeout, self._log = timeout, logs / f"{group.jobs[0].cell.id}.log"
        self._records: list[Record] = []

    def run(self) -> list[Record]:
        """Records of the cells that are done, in order; the last one may tell of a failure."""
        self._log.unlink(missing_ok=True)
        self._begin()
        outcome = self._executor.run(self._group, self._hear, self._timeout, self._log)
        if not isinstance(outcome, Returned):
            self._end(_failed(self._group.jobs[len(self._records)], outcome, self._started, self._log))
        all_well = isinstance(outcome, Returned)
        if self._log.exists() and (all_well or not self._log.stat().st_size):
            self._log.unlink()
        return self._records

    def _hear(self, message: Progress | Finished) -> None:
        if isinstance(message, Progress):
            self._events.progress(message)
            return
        # Predictions first: a record says that the cell is done.
        if message.predictions is not None:
            self._store.write_predictions(message.record.cell_id, *message.predictions)
        self._end(message.record)
        if len(self._records) < len(self._group.jobs):
            self._begin()

    def _begin(self) -> None:
        self._started = now()
        self._events.begin(self._group.jobs[len(self._records)].cell)

    def _end(self, record: Record) -> None:
        self._store.write(record)
        self._records.append(record)
        self._events.end(record)


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
