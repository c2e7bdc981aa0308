"""Run groups of cells, several at a time if asked, and write a record for each cell, whatever happens to it."""

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
from tlbench.core.files import append_text
from tlbench.core.version import __version__
from tlbench.execution.again import Policy, Then, as_asked, attempt, kind, left_out
from tlbench.execution.executors import GroupRunner
from tlbench.execution.groups import in_turns
from tlbench.execution.job import Finished, Group, Job, Progress
from tlbench.execution.outcome import Lost, Outcome, Raised, Returned, TooLarge, failure, refuse_full_disk
from tlbench.execution.plugins import Plugins
from tlbench.host.environment import capture, git_commit
from tlbench.host.shares import Share
from tlbench.results.record import Attempt, Failure, Provenance, Record, Status
from tlbench.results.store import Store

RECORD = Policy()
"""Record failures and retry nothing."""


class CellEvents(Protocol):
    """Receives the progress of cells. Methods are called by one thread at a time."""

    def begin(self, cell: Cell) -> None:
        """A cell starts."""
        return

    def progress(self, cell: Cell, message: Progress) -> None:
        """A cell has made progress."""
        return

    def end(self, record: Record) -> None:
        """A cell has ended, and its record is on disk."""
        return


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
    """Run `groups`, and write the record of each cell as soon as it ends.

    A cell that fails, crashes or takes too long gets a record of the failure, unless `policy` retries it, and the run
    continues with the next cell in a new child. A cell that runs out of memory while others run is retried alone.

    Args:
        groups: the cells to run.
        executor: what runs a group.
        store: receives records and predictions.
        events: receives the progress.
        timeout: the longest time for a cell, in seconds.
        logs: the folder for the output of workers.
        shares: the parts of the machine; one group at a time runs in each of them.
        policy: when failed cells are retried.

    Returns:
        The records of cells that failed now. The store may still have an earlier, successful record of such a cell.
    """
    logs.mkdir(parents=True, exist_ok=True)
    run = _Run(executor, store, events, timeout, logs, policy)
    if len(shares) > 1 and len(groups) > 1:
        _side_by_side(run, in_turns(groups), shares)
        groups = run.retried_alone
    for group in groups:
        run.group(group, alone=True)
    return tuple(run.failed)


def _side_by_side(run: "_Run", groups: Sequence[Group], shares: Sequence[Share | None]) -> None:
    free: SimpleQueue[Share | None] = SimpleQueue()
    for share in shares:
        free.put(share)

    def run_in_free_share(group: Group) -> None:
        share = free.get()
        try:
            run.group(replace(group, share=share), alone=False)
        finally:
            free.put(share)

    with ThreadPoolExecutor(len(shares)) as pool:
        futures = [pool.submit(run_in_free_share, group) for group in groups]
        try:
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            for future in done:
                future.result()
        except BaseException:  # Ctrl-C, or a full disk: end the other children too
            pool.shutdown(wait=False, cancel_futures=True)
            run.stop()
            raise


@dataclass
class _Run:
    """The state of `run_groups`, shared by its threads."""

    executor: GroupRunner
    store: Store
    events: CellEvents
    timeout: float
    logs: Path
    policy: Policy
    retried_alone: list[Group] = field(default_factory=list)
    """Groups that ran out of memory while others ran."""
    earlier: dict[str, tuple[Attempt, ...]] = field(default_factory=dict)
    """Failed attempts by cell id."""
    too_large: dict[Hashable, int] = field(default_factory=dict)
    """The smallest batch size with which a kind of cells ran out of memory."""
    failed: list[Record] = field(default_factory=list)
    stopped: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def group(self, group: Group, *, alone: bool) -> None:
        """Run a group to its end; after each failure the rest of it continues in a new child."""
        rest: Group | None = group
        while rest is not None and not self.stopped:
            if self._is_too_large(rest):
                self._skip(rest)
                break
            rest = _OneChild(self, rest).run(alone=alone)

    def stop(self) -> None:
        """End all children. The cells that they were running get no record."""
        self.stopped = True
        self.executor.stop()

    def end(self, record: Record, job: Job) -> None:
        """Write the final record of the job's cell."""
        record = as_asked(record, job, self.earlier.get(job.of.id, ()))
        if record.status == "oom" and self.policy.on_oom == "skip_larger" and job.cell.train:
            key = kind(job.cell)
            self.too_large[key] = min(job.cell.train.batch_size, self.too_large.get(key, sys.maxsize))
        self.store.write(record)
        with self.lock:
            if record.status != "ok":
                self.failed.append(record)
            self.events.end(record)

    def remember(self, job: Job, record: Record, then: Then) -> None:
        """Note a failed attempt for the job's final record."""
        self.earlier[job.of.id] = (*self.earlier.get(job.of.id, ()), attempt(record, job, then))

    def _is_too_large(self, group: Group) -> bool:
        train = group.jobs[0].cell.train
        return bool(self.too_large) and train is not None and train.batch_size > self._smallest_too_large(group)

    def _smallest_too_large(self, group: Group) -> int:
        return self.too_large.get(kind(group.jobs[0].cell), sys.maxsize)

    def _skip(self, group: Group) -> None:
        for job in group.jobs:  # all of them need the same memory
            with self.lock:
                self.events.begin(job.of)
            self.end(_failure_record(job, "skipped", left_out(self._smallest_too_large(group)), now()), job)


class _OneChild:
    """Runs a group in one child, until its end or until a cell fails."""

    def __init__(self, run: _Run, group: Group) -> None:
        self._run, self._group, self._done = run, group, 0
        self._log = run.logs / f"{group.jobs[0].of.id}.log"

    def run(self, *, alone: bool) -> Group | None:
        """Run the group. Returns what is left to run after a failure, perhaps with the failed cell; None at the end."""
        self._log.unlink(missing_ok=True)
        self._begin()
        outcome = self._run.executor.run(self._group, self._hear, self._run.timeout, self._log)
        rest = replace(self._group, jobs=self._group.jobs[self._done :])
        if self._run.stopped:
            return None
        if isinstance(outcome, Returned):
            self._log.unlink(missing_ok=True)
            return None
        if not rest.jobs:  # every cell has its record; only the end of the process went wrong
            self._note(outcome)
            return None
        following = self._failed(rest, outcome, alone=alone)
        if self._log.exists() and not self._log.stat().st_size:
            self._log.unlink()
        return following

    def _note(self, outcome: Outcome) -> None:
        """Write to the log how a child ended that had finished all its cells."""
        why = outcome.traceback if isinstance(outcome, Raised) else f"{failure(outcome)[1].message}\n"
        append_text(self._log, f"After the last cell was finished: {why}")

    def _failed(self, rest: Group, outcome: Outcome, *, alone: bool) -> Group | None:
        refuse_full_disk(outcome, self._log)
        job, lost = rest.jobs[0], isinstance(outcome, Lost)
        record = _failed(job, outcome, self._started, self._log)
        others_may_have_caused_it = record.status in ("oom", "killed") and not isinstance(outcome, (TooLarge, Lost))
        if others_may_have_caused_it and not alone:
            self._run.remember(job, record, "alone")
            self._run.retried_alone.append(replace(rest, share=None))
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
        # Predictions before the record, which marks the cell as done.
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
        append_text(log, outcome.traceback)
    status, why = failure(outcome, f"logs/{log.name}" if log.exists() and log.stat().st_size else None)
    return _failure_record(job, status, why, started)


def _failure_record(job: Job, status: Status, why: Failure, started: str) -> Record:
    return Record(
        cell_id=job.cell.id,
        cell=job.cell,
        status=status,
        environment=capture(plugins=Plugins().of(job.cell)),
        provenance=Provenance(tlbench=__version__, git_commit=git_commit(), started=started, finished=now()),
        failure=why,
        data=job.data.provenance() if job.data else None,
        weights=job.weights,
    )
