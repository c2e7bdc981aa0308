"""What to do about a cell that failed: retry it, try a smaller batch, or skip cells with larger batches. Pure."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from tlbench.core.cell import Cell, canonical
from tlbench.execution.job import Group, Job
from tlbench.results.record import Attempt, Failure, Record, SmallerBatch
from tlbench.suite.schema import OnOom

Then = Literal["alone", "elsewhere", "smaller", "retried"]
LOST_TRIES = 3
"""How often a cell is retried when its machine is lost. Not the suite's `retries`: it was not the cell's fault."""
NO_EFFECT_ON_MEMORY = {"batch_size", "epochs", "learning_rate", "schedule", "warmup", "tune"}
"""Settings of training that do not change the memory a cell needs, and the batch size, which `kind` leaves out."""


@dataclass(frozen=True)
class Again:
    """A retry: what is different this time, and the group to run, which starts with the cell."""

    then: Then
    group: Group


@dataclass(frozen=True)
class Policy:
    """When cells are retried.

    Attributes:
        retries: how often a cell that failed or was killed is retried.
        on_oom: what to do when a cell runs out of memory.
    """

    retries: int = 0
    on_oom: OnOom = "record"

    def again(self, group: Group, record: Record, earlier: Sequence[Attempt], *, lost: bool) -> Again | None:
        """The retry of the first cell of `group`; None where it is not retried.

        Args:
            group: the cell that failed, and those that were to follow it.
            record: the record of the failure.
            earlier: its attempts before this one.
            lost: whether the machine that it ran on is gone.
        """
        tried = [attempt.then for attempt in earlier]
        if lost:
            return Again("elsewhere", group) if tried.count("elsewhere") < LOST_TRIES else None
        if record.status in {"failed", "killed"} and tried.count("retried") < self.retries:
            return Again("retried", group)
        if record.status == "oom" and self.on_oom == "halve_batch":
            jobs = tuple(job for job in map(_halved, group.jobs) if job)
            return Again("smaller", replace(group, jobs=jobs)) if len(jobs) == len(group.jobs) else None
        return None


def attempt(record: Record, job: Job, then: Then) -> Attempt:
    """The entry in the final record for a failed attempt that is followed by another one."""
    assert record.failure is not None, "only failures are retried"
    batch = job.cell.train.batch_size if job.cell.train else None
    return Attempt(status=record.status, failure=record.failure, batch_size=batch, then=then)


def as_asked(record: Record, job: Job, earlier: Sequence[Attempt]) -> Record:
    """`record` as the record of the cell that the suite asked for, with earlier attempts and a reduced batch size."""
    smaller = None
    if job.asked is not None:
        asked, trained = job.asked.training.batch_size, job.cell.training.batch_size
        smaller = SmallerBatch(asked=asked, trained=trained)
    changes = {"cell_id": job.of.id, "cell": job.of, "smaller_batch": smaller, "earlier": tuple(earlier)}
    return record.model_copy(update=changes)


def kind(cell: Cell) -> Hashable:
    """A key that is the same for cells whose memory differs only by their batch sizes."""
    return canonical(cell.model_dump(mode="json", exclude={"seed": True, "timing": True, "train": NO_EFFECT_ON_MEMORY}))


def left_out(batch: int) -> Failure:
    """The reason for skipping a cell: one of its `kind` ran out of memory with a batch size of only `batch`."""
    return Failure(
        type="SmallerBatchRanOut",
        message=f"skipped: a cell that differs in batch_size alone ran out of memory with {batch} images a batch",
        advice="`on_oom: skip_larger` in the suite asks for that; leave it out to try this cell too.",
    )


def _halved(job: Job) -> Job | None:
    """The job with half the batch size; None where that is not possible."""
    train = job.cell.train
    if train is None or train.batch_size < 2:
        return None
    smaller = train.model_copy(update={"batch_size": train.batch_size // 2})
    return replace(job, cell=job.cell.model_copy(update={"train": smaller}), asked=job.of)
