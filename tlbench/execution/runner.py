"""Run groups of cells, some side by side; each cell ends as a record, whatever happened to it."""

import sys
import threading
from collections.abc import Hashable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import SimpleQueue
from typing import Protocol

from tlbench.core.cell import Cell
from tlbench.core.clock import now
from tlbench.core.version import __version__
from tlbench.execution.again import Policy, Then, as_asked, attempt, kind, left_out
from tlbench.execution.executors import GroupRunner
from tlbench.execution.groups import in_turns
from tlbench.execution.job import Finished, Group, Job, Progress
from tlbench.execution.outcome import Lost, Outcome, Raised, Returned, TooLarge, failure
from tlbench.host.environment import capture, git_commit
from tlbench.host.shares import Share
from tlbench.results.record import Attempt, Failure, Provenance, Record, Status
from tlbench.results.store import Store

RECORD = Policy()
"""A cell that gives no numbers is recorded, and that is that."""


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
    shares: Sequence[Share | None] = (None,),
    policy: Policy = RECORD,
) -> tuple[Record, ...]:
    """Run `groups` and write each cell's record as soon as it is done. `timeout` is seconds a cell.

    Returns the records of cells that gave no numbers now; of such a cell the store may keep an earlier one that has.

    A cell that fails, crashes or runs out of time gives a record that says so, unless `policy` has it tried again, and
    the run goes on with the next one, in a new child. As many groups run side by side as there are `shares` of the
    machine; a cell that runs out of memory beside others is tried once more, alone.
    """
    logs.mkdir(parents=True, exist_ok=True)
    run = _Run(executor, store, events, timeout, logs, policy)
    if len(shares) > 1 and len(groups) > 1:
        _side_by_side(run, in_turns(groups), shares)
        groups = run.again
    for group in groups:
        run.group(group, alone=True)
    return tuple(run.failed)


def _side_by_side(run: "_Run", groups: Sequence[Group], shares: Sequence[Share | None]) -> None:
    free: SimpleQueue[Share | None] = SimpleQueue()
    for share in shares:
        free.put(share)

    def one(group: Group) -> None:
        share = free.get()
        try:
            run.group(replace(group, share=share), alone=False)
        finally:
            free.put(share)

    with ThreadPoolExecutor(len(shares)) as pool:
        futures = [pool.submit(one, group) for group in groups]
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
    policy: Policy
    again: list[Group] = field(default_factory=list)
    """Groups that ran out of memory beside others."""
    earlier: dict[str, tuple[Attempt, ...]] = field(default_factory=dict)
    """What came of a cell before it was tried again."""
    too_large: dict[Hashable, int] = field(default_factory=dict)
    """The smallest batch of a kind of cells that ran out of memory."""
    failed: list[Record] = field(default_factory=list)
    stopped: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def group(self, group: Group, *, alone: bool) -> None:
        """Run a group to its end, in as many children as it takes."""
        rest: Group | None = group
        while rest is not None and not self.stopped:
            if self._is_too_large(rest):
                self._skip(rest)
                break
            rest = _OneChild(self, rest).run(alone=alone)

    def stop(self) -> None:
        """End all children; what they were at gets no record."""
        self.stopped = True
        self.executor.stop()

    def end(self, record: Record, job: Job) -> None:
        """Write the record of the cell that was asked for."""
        record = as_asked(record, job, self.earlier.get(job.of.id, ()))
        if record.status == "oom" and self.policy.on_oom == "skip_larger" and job.cell.train:
            of = kind(job.cell)
            self.too_large[of] = min(job.cell.train.batch_size, self.too_large.get(of, sys.maxsize))
        self.store.write(record)
        with self.lock:
            if record.status != "ok":
                self.failed.append(record)
            self.events.end(record)

    def remember(self, job: Job, record: Record, then: Then) -> None:
        """Keep what came of it this time for its record."""
        self.earlier[job.of.id] = (*self.earlier.get(job.of.id, ()), attempt(record, job, then))

    def _is_too_large(self, group: Group) -> bool:
        train = group.jobs[0].cell.train
        return bool(self.too_large) and train is not None and train.batch_size > self._bound(group)

    def _bound(self, group: Group) -> int:
        return self.too_large.get(kind(group.jobs[0].cell), sys.maxsize)

    def _skip(self, group: Group) -> None:
        for job in group.jobs:  # they differ in nothing that memory depends on
            with self.lock:
                self.events.begin(job.of)
            self.end(_without_numbers(job, "skipped", left_out(self._bound(group)), now()), job)


class _OneChild:
    """Runs a group until its end or until a cell fails."""

    def __init__(self, run: _Run, group: Group) -> None:
        self._run, self._group, self._done = run, group, 0
        self._log = run.logs / f"{group.jobs[0].of.id}.log"

    def run(self, *, alone: bool) -> Group | None:
        """The rest of the group, where a cell failed before its end."""
        self._log.unlink(missing_ok=True)
        self._begin()
        outcome = self._run.executor.run(self._group, self._hear, self._run.timeout, self._log)
        rest = replace(self._group, jobs=self._group.jobs[self._done :])
        if self._run.stopped:
            return None
        if isinstance(outcome, Returned):
            self._log.unlink(missing_ok=True)
            return None
        following = self._failed(rest, outcome, alone=alone)
        if self._log.exists() and not self._log.stat().st_size:
            self._log.unlink()
        return following

    def _failed(self, rest: Group, outcome: Outcome, *, alone: bool) -> Group | None:
        job, lost = rest.jobs[0], isinstance(outcome, Lost)
        record = _failed(job, outcome, self._started, self._log)
        by_others = record.status in ("oom", "killed") and not isinstance(outcome, (TooLarge, Lost))
        if by_others and not alone:
            self._run.remember(job, record, "alone")
            self._run.again.append(replace(rest, share=None))
            return None
        earlier = self._run.earlier.get(job.of.id, ())
        if again := self._run.policy.again(rest, record, earlier, lost=lost):
            self._run.remember(job, record, again.then)
            return again.group
        self._end(record)
        return replace(rest, jobs=rest.jobs[1:]) if rest.jobs[1:] else None

    def _hear(self, message: Progress | Finished) -> None:
        if isinstance(message, Progress):
            with self._run.lock:
                self._run.events.progress(self._group.jobs[self._done].of, message)
            return
        # Predictions first: a record says that the cell is done.
        if message.predictions:
            self._run.store.write_predictions(self._group.jobs[self._done].of.id, message.predictions)
        self._end(message.record)
        if self._done < len(self._group.jobs):
            self._begin()

    def _begin(self) -> None:
        self._started = now()
        with self._run.lock:
            self._run.events.begin(self._group.jobs[self._done].of)

    def _end(self, record: Record) -> None:
        self._run.end(record, self._group.jobs[self._done])
        self._done += 1


def _failed(job: Job, outcome: Outcome, started: str, log: Path) -> Record:
    if isinstance(outcome, Raised):
        with log.open("a", encoding="utf-8") as file:
            file.write(outcome.traceback)
    status, why = failure(outcome, f"logs/{log.name}" if log.exists() and log.stat().st_size else None)
    return _without_numbers(job, status, why, started)


def _without_numbers(job: Job, status: Status, why: Failure, started: str) -> Record:
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
