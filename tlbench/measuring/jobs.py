"""Plan which steps of which models to time, so that no step is measured twice. Pure."""

from collections.abc import Collection, Sequence

from tlbench.core.cell import ORIGINAL_CLASSES, Backend, Cell, StepName, Timing
from tlbench.core.value import Value
from tlbench.results.record import Record

FEW_CLASSES = 32
"""With up to this many classes, a classifier on pooled features is less than 1 % of any backbone's arithmetic."""


class StepJob(Value):
    """A step to time: inference or training, at one batch size."""

    step: StepName
    batch_size: int


class ModelJob(Value):
    """A model and its steps to time; `classes` is the width of its head."""

    cell: Cell
    classes: int
    steps: tuple[StepJob, ...]

    @property
    def id(self) -> str:
        """The name of its measurements and logs."""
        return self.cell.id

    @property
    def backend(self) -> Backend:
        """The backend that the model runs on."""
        return self.cell.backend

    @property
    def reference(self) -> "ReferenceJob":
        """The reference workload that tracks the machine's speed on this model's backend and device."""
        return ReferenceJob(backend=self.backend)

    @property
    def timing(self) -> Timing:
        """The timing protocol of its steps."""
        assert self.cell.timing is not None, "only cells that ask for step times are planned"
        return self.cell.timing

    @property
    def keys(self) -> tuple[str, ...]:
        """The key of each step, in order."""
        return tuple(key_of(self.cell, step, self.classes) for step in self.steps)


class DeployedJob(ModelJob):
    """An exported model, run on the CPU by a runtime outside of Keras.

    Attributes:
        runtime: the name of the runtime.
        file: the exported file.
        protocol: how its steps are timed, in place of the cell's protocol.
    """

    runtime: str
    file: str
    protocol: Timing

    @property
    def id(self) -> str:
        """The cell's id with the name of the runtime."""
        return f"{self.cell.id}.{self.runtime}"

    @property
    def backend(self) -> Backend:
        """TensorFlow, with which saved models are opened and exported."""
        return "tensorflow"

    @property
    def reference(self) -> "ReferenceJob":
        """The reference workload on the CPU."""
        return CpuReferenceJob(backend=self.backend)

    @property
    def timing(self) -> Timing:
        """The timing protocol."""
        return self.protocol

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of this model alone: no measurement is shared."""
        return tuple(f"{self.id} batch {step.batch_size}" for step in self.steps)


class ReferenceJob(Value):
    """The reference workload on `backend`."""

    backend: Backend


class CpuReferenceJob(ReferenceJob):
    """The reference workload on the CPU, even if there is a GPU."""


TimerJob = ModelJob | ReferenceJob
"""What a host can open to be timed."""


def untimed(records: Sequence[Record], cells: Sequence[Cell]) -> list[Record]:
    """The records of trained cells whose steps still have to be timed, in the order of `cells`."""
    waiting = {record.cell_id: record for record in records if record.status == "ok" and record.timings is None}
    return [waiting[cell.id] for cell in cells if cell.timing and cell.id in waiting]


def steps_of(cell: Cell) -> list[StepJob]:
    """The steps to time: inference at every batch size, and training (if any) at the first."""
    assert cell.timing is not None
    sizes = (cell.timing.batch_size, *cell.timing.more_batch_sizes)
    steps = [StepJob(step="inference", batch_size=size) for size in dict.fromkeys(sizes)]
    return [*steps, *([StepJob(step="training", batch_size=sizes[0])] if cell.train else [])]


def key_of(cell: Cell, step: StepJob, classes: int) -> str:
    """A key that is the same for steps that share one measurement.

    It includes the number of classes unless that makes no difference: up to `FEW_CLASSES` on pooled features.
    """
    few = cell.head.name == "gap" and classes <= FEW_CLASSES
    return f"{step_key(cell, step)}{'' if few else f' classes {classes}'}"


def step_key(cell: Cell, step: StepJob) -> str:
    """A key that is the same for steps that differ at most in the number of classes."""
    return f"{cell.timing_key(step.step)} batch {step.batch_size}"


def keys_of(record: Record) -> list[str]:
    """The keys of all steps to time of a record's cell."""
    return [key_of(record.cell, step, classes_in(record)) for step in steps_of(record.cell)]


def classes_in(record: Record) -> int:
    """The number of classes of the head of a record's cell."""
    return len(record.data.classes) if record.data and record.cell.train else ORIGINAL_CLASSES


def anchor_of(records: Sequence[Record], cells: Sequence[Cell]) -> ModelJob | None:
    """The anchor: the model to which all step times of a run are relative.

    It is the anchor of times that `records` already have, or else the model of the first trained cell of `cells`. None
    where no cell was trained.
    """
    trained = {record.cell_id: record for record in records if record.status == "ok" and record.cell.timing}
    earlier = [
        step.relative.to
        for record in trained.values()
        for step in (record.timings.steps if record.timings else ())
        if step.relative and step.relative.to in trained
    ]
    first = next((cell_id for cell_id in (*earlier, *(cell.id for cell in cells)) if cell_id in trained), None)
    if first is None:
        return None
    cell = trained[first].cell
    return _job(trained[first], [step for step in steps_of(cell) if step.batch_size == cell.protocol.batch_size])


def plan(waiting: Sequence[Record], known: Collection[str] = ()) -> list[ModelJob]:
    """The models to build so that every step of `waiting` whose key is not `known` is measured once."""
    jobs, planned = [], set(known)
    for record in waiting:
        steps = [step for step, key in zip(steps_of(record.cell), keys_of(record), strict=True) if key not in planned]
        planned |= set(keys_of(record))
        if steps:
            jobs.append(_job(record, steps))
    return jobs


def _job(record: Record, steps: Sequence[StepJob]) -> ModelJob:
    return ModelJob(cell=record.cell, classes=classes_in(record), steps=tuple(steps))


def narrowed(jobs: Sequence[ModelJob], keys: Collection[str]) -> list[ModelJob]:
    """`jobs` reduced to the steps with one of `keys`, without models that have no such step."""
    kept = [
        job.model_copy(
            update={"steps": tuple(step for step, key in zip(job.steps, job.keys, strict=True) if key in keys)}
        )
        for job in jobs
    ]
    return [job for job in kept if job.steps]
