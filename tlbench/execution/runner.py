"""Run cells one after the other; each ends as a record, whatever happened to it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from tlbench import __version__
from tlbench.execution.child import Outcome, Raised, Returned
from tlbench.execution.clock import now
from tlbench.execution.executors import Executor
from tlbench.execution.job import Finished, Job, Progress
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


def run_cells(
    cells: Sequence[Cell],
    job_of: Callable[[Cell], Job],
    executor: Executor,
    store: Store,
    events: Events,
    *,
    timeout: float,
    logs: Path,
) -> tuple[Record, ...]:
    """Run `cells` in order and write each record before the next cell begins. `timeout` is seconds a cell.

    A cell that fails, crashes or runs out of time or memory gives a record that says so, and the run goes on.
    """
    logs.mkdir(parents=True, exist_ok=True)
    records = []
    for cell in cells:
        events.begin(cell)
        started, log = now(), logs / f"{cell.id}.log"
        log.unlink(missing_ok=True)
        job = job_of(cell)
        outcome = executor.run(job, events.progress, timeout, log)
        record = _keep(job, outcome, started, log, store)
        if log.exists() and (record.status == "ok" or not log.stat().st_size):
            log.unlink()
        records.append(record)
        events.end(record)
    return tuple(records)


def _keep(job: Job, outcome: Outcome, started: str, log: Path, store: Store) -> Record:
    if isinstance(outcome, Returned):
        finished = outcome.value
        assert isinstance(finished, Finished)
        # Predictions first: a record says that the cell is done.
        if finished.predictions is not None:
            store.write_predictions(job.cell.id, *finished.predictions)
        store.write(finished.record)
        return finished.record
    if isinstance(outcome, Raised):
        with log.open("a", encoding="utf-8") as file:
            file.write(outcome.traceback)
    status, why = failure(outcome, f"logs/{log.name}" if log.exists() and log.stat().st_size else None)
    record = Record(
        cell_id=job.cell.id,
        cell=job.cell,
        status=status,
        environment=capture(),
        provenance=Provenance(tlbench=__version__, git_commit=git_commit(), started=started, finished=now()),
        failure=why,
        data=job.data.provenance() if job.data else None,
        weights=job.weights,
    )
    store.write(record)
    return record
