"""What follows when a cell gives no numbers: another try, a smaller batch, larger ones left out. Pure."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from tlbench.core.cell import Cell, canonical
from tlbench.execution.job import Group, Job
from tlbench.results.record import Attempt, Failure, Record, SmallerBatch
from tlbench.suite.schema import OnOom

Then = Literal["alone", "elsewhere", "smaller", "retried"]
LOST_TRIES = 3
"""So often a cell whose machine is lost is tried elsewhere, whatever the suite says: it was not the cell's fault."""
OF_EACH_CELL = {"batch_size", "epochs", "learning_rate", "schedule", "warmup", "tune"}


@dataclass(frozen=True)
class Again:
    """How a cell is tried again, and the group of what is left, which it begins."""

    then: Then
    group: Group


@dataclass(frozen=True)
class Policy:
    """retries: how often a cell that failed or was killed is tried again. on_oom: what follows when memory runs out."""

    retries: int = 0
    on_oom: OnOom = "record"

    def again(self, group: Group, record: Record, earlier: Sequence[Attempt], *, lost: bool) -> Again | None:
        """How the first cell of `group`, which gave `record`, is tried again; None where it is not.

        earlier: what came of it before. lost: the machine that it ran on is gone.
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
    """What the record says of an attempt that is followed by another one."""
    assert record.failure is not None, "what went well is not tried again"
    batch = job.cell.train.batch_size if job.cell.train else None
    return Attempt(status=record.status, failure=record.failure, batch_size=batch, then=then)


def as_asked(record: Record, job: Job, earlier: Sequence[Attempt]) -> Record:
    """The record of the cell that was asked for, with what was tried before and the batch it was trained with."""
    smaller = None
    if job.asked is not None:
        asked, trained = job.asked.training.batch_size, job.cell.training.batch_size
        smaller = SmallerBatch(asked=asked, trained=trained)
    changes = {"cell_id": job.of.id, "cell": job.of, "smaller_batch": smaller, "earlier": tuple(earlier)}
    return record.model_copy(update=changes)


def kind(cell: Cell) -> Hashable:
    """Equal for cells that need the same memory but for the size of their batches."""
    return canonical(cell.model_dump(mode="json", exclude={"seed": True, "timing": True, "train": OF_EACH_CELL}))


def left_out(batch: int) -> Failure:
    """Why a cell is skipped: of its kind, `batch` images at once were too many already."""
    return Failure(
        type="SmallerBatchRanOut",
        message=f"skipped: a cell that differs in batch_size alone ran out of memory with {batch} images a batch",
        advice="`on_oom: skip_larger` in the suite asks for that; leave it out to try this cell too.",
    )


def _halved(job: Job) -> Job | None:
    train = job.cell.train
    if train is None or train.batch_size < 2:
        return None
    smaller = train.model_copy(update={"batch_size": train.batch_size // 2})
    return replace(job, cell=job.cell.model_copy(update={"train": smaller}), asked=job.of)
