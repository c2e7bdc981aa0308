"""What is to be timed: models and their steps, planned so that every step is measured once. Pure."""

from collections.abc import Collection, Sequence

from tlbench.core.cell import ORIGINAL_CLASSES, Backend, Cell, StepName, Timing, Value
from tlbench.results.record import Record

FEW_CLASSES = 32
"""Up to here the classifier on pooled features is less than a hundredth of any backbone's arithmetic."""


class StepJob(Value):
    """One step to time, at one batch size."""

    step: StepName
    batch_size: int


class ModelJob(Value):
    """A model and the steps of it to time. `classes` is the width of its head."""

    cell: Cell
    classes: int
    steps: tuple[StepJob, ...]

    @property
    def id(self) -> str:
        """What its measurements and logs are called by."""
        return self.cell.id

    @property
    def backend(self) -> Backend:
        """What the model computes with."""
        return self.cell.backend

    @property
    def reference(self) -> "ReferenceJob":
        """The reference workload that says how fast the machine is where this model computes."""
        return ReferenceJob(backend=self.backend)

    @property
    def timing(self) -> Timing:
        """How its step times are taken."""
        assert self.cell.timing is not None, "only cells that ask for step times are planned"
        return self.cell.timing

    @property
    def keys(self) -> tuple[str, ...]:
        """The key of each step."""
        return tuple(key_of(self.cell, step, self.classes) for step in self.steps)


class DeployedJob(ModelJob):
    """A trained model in a file, as the runtime called `runtime` runs it, on the CPU.

    protocol: how its steps are timed, whatever its cell says of the steps of its training.
    """

    runtime: str
    file: str
    protocol: Timing

    @property
    def id(self) -> str:
        """One for each runtime of a cell."""
        return f"{self.cell.id}.{self.runtime}"

    @property
    def backend(self) -> Backend:
        """Files of Keras are opened, and written for others, with TensorFlow."""
        return "tensorflow"

    @property
    def reference(self) -> "ReferenceJob":
        """That of the CPU."""
        return CpuReferenceJob(backend=self.backend)

    @property
    def timing(self) -> Timing:
        """The protocol."""
        return self.protocol

    @property
    def keys(self) -> tuple[str, ...]:
        """Nothing is shared with any other model."""
        return tuple(f"{self.id} batch {step.batch_size}" for step in self.steps)


class ReferenceJob(Value):
    """The reference workload, computed with `backend`."""

    backend: Backend


class CpuReferenceJob(ReferenceJob):
    """The same on the CPU, whatever GPU there is."""


TimerJob = ModelJob | ReferenceJob
"""What is opened to take turns."""


def untimed(records: Sequence[Record], cells: Sequence[Cell]) -> list[Record]:
    """Records of `cells` that were trained and still wait for their step times, in the order of the cells."""
    waiting = {record.cell_id: record for record in records if record.status == "ok" and record.timings is None}
    return [waiting[cell.id] for cell in cells if cell.timing and cell.id in waiting]


def steps_of(cell: Cell) -> list[StepJob]:
    """Inference at every batch size, training at the first where there is any."""
    assert cell.timing is not None
    sizes = (cell.timing.batch_size, *cell.timing.more_batch_sizes)
    steps = [StepJob(step="inference", batch_size=size) for size in dict.fromkeys(sizes)]
    return [*steps, *([StepJob(step="training", batch_size=sizes[0])] if cell.train else [])]


def key_of(cell: Cell, step: StepJob, classes: int) -> str:
    """Equal for steps that one measurement stands for.

    The number of classes is in it where it may take time: not for up to `FEW_CLASSES` on pooled features.
    """
    few = cell.head.name == "gap" and classes <= FEW_CLASSES
    return f"{step_key(cell, step)}{'' if few else f' classes {classes}'}"


def step_key(cell: Cell, step: StepJob) -> str:
    """Equal for steps that differ in the number of classes at most."""
    return f"{cell.timing_key(step.step)} batch {step.batch_size}"


def keys_of(record: Record) -> list[str]:
    """The keys of all steps that the cell of a record asks for."""
    return [key_of(record.cell, step, classes_in(record)) for step in steps_of(record.cell)]


def classes_in(record: Record) -> int:
    """How many classes the head of a record's cell tells apart."""
    return len(record.data.classes) if record.data and record.cell.train else ORIGINAL_CLASSES


def anchor_of(records: Sequence[Record], cells: Sequence[Cell]) -> ModelJob | None:
    """The model to which all times of a run are relative: inference, and training where it has any.

    That of the first of `cells` that was trained; where `records` have relative times already, whose anchor it was.
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
    """The models to build so that every step of `waiting` that is not `known` is measured once."""
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
    """`jobs` with only the steps that have one of `keys`; models without any are left out."""
    kept = [
        job.model_copy(
            update={"steps": tuple(step for step, key in zip(job.steps, job.keys, strict=True) if key in keys)}
        )
        for job in jobs
    ]
    return [job for job in kept if job.steps]
