"""A record: what one cell gave. One JSON file; docs/results-format.md describes every field."""

from typing import Literal

from pydantic import Field

from tlbench.suite.cell import Cell, Value

SCHEMA_VERSION = 1

Status = Literal["ok", "failed", "oom", "timeout", "killed", "invalid", "skipped"]


class Failure(Value):
    """Why a cell gave no numbers: the error's type, its message, and what to do about it."""

    type: str
    message: str
    advice: str


class PartCounts(Value):
    """Counts of one part of the model. `size_mb` is MiB of the weights as stored, `flops` those of one image."""

    params: int
    trainable: int
    depth: int
    size_mb: float
    flops: int


class Counts(Value):
    """Counts of the whole model; `backbone` and `head` are its parts.

    depth: layers that have weights. size_mb: MiB of the weights as stored. flops: operations of one forward pass of
    one image over convolutions and matrix products; a multiply and an add are two.
    """

    params: int
    trainable: int
    non_trainable: int
    depth: int
    size_mb: float
    flops: int
    backbone: PartCounts
    head: PartCounts


class Accuracy(Value):
    """Accuracy on the test set; `low` and `high` bound the Wilson 95 % interval of `top1` (all 0 to 1).

    top5: None for five classes or fewer. per_class: recall. confusion: counts, a row for each true class, a column for
    each predicted one, in the order of the data's classes.
    """

    top1: float
    correct: int
    images: int
    low: float
    high: float
    loss: float
    top5: float | None
    macro_f1: float
    calibration_error: float
    per_class: dict[str, float]
    confusion: tuple[tuple[int, ...], ...]
    validation_top1: float
    validation_loss: float


class Epoch(Value):
    """One epoch of training. `seconds` is wall time, validation included."""

    epoch: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    learning_rate: float
    seconds: float


class StepTiming(Value):
    """Time of one step (one batch) on the whole model; all times in seconds.

    `first_call` (trace, compilation, choice of kernels) and `warmup` are never part of `samples`.
    `low` and `high` bound the 95 % order-statistic interval of the median; None where there are
    too few samples for one.
    """

    batch_size: int
    first_call: float
    warmup: tuple[float, ...]
    samples: tuple[float, ...]
    median: float
    low: float | None
    high: float | None
    minimum: float
    p95: float


class Timings(Value):
    """Inference and training step on one device (`device`: ``cpu`` or ``gpu``)."""

    device: Literal["cpu", "gpu"]
    device_name: str
    jit: bool
    protocol: str
    inference: StepTiming
    training: StepTiming


class SkippedFile(Value):
    """A file that was left out of a split. `path` is relative to the data set's folder."""

    split: str
    path: str
    reason: str


class DataProvenance(Value):
    """Which images the numbers rest on. `counts` are images used per split, per class."""

    source: Literal["real", "synthetic"]
    fallback: bool
    fingerprint: str
    classes: tuple[str, ...]
    counts: dict[str, dict[str, int]]
    skipped: tuple[SkippedFile, ...] = ()


class WeightsProvenance(Value):
    """Which weights the backbone started from. `file` is the official file name, never a path."""

    source: Literal["imagenet", "random"]
    fallback: bool
    file: str | None = None
    sha256: str | None = None


class Environment(Value):
    """Where the numbers were taken: `identity` identifies the machine, `volatile` drifts."""

    identity: dict[str, str]
    volatile: dict[str, str]
    versions: dict[str, str]


class Provenance(Value):
    """What made the record, when (UTC, ISO 8601)."""

    tlbench: str
    git_commit: str | None
    started: str
    finished: str


class Record(Value):
    """One cell's outcome. All fields but the first seven are None where the cell did not get so far."""

    schema_version: int = SCHEMA_VERSION
    cell_id: str
    cell: Cell
    status: Status
    environment: Environment
    provenance: Provenance
    failure: Failure | None = None
    data: DataProvenance | None = None
    weights: WeightsProvenance | None = None
    counts: Counts | None = None
    accuracy: Accuracy | None = None
    history: tuple[Epoch, ...] = ()
    timings: Timings | None = None
    phases: dict[str, float] = Field(default_factory=dict)
    peak_memory_bytes: int | None = None

    @property
    def fallbacks(self) -> tuple[str, ...]:
        """The stand-ins the numbers rest on: ``synthetic data``, ``random weights``, both or none."""
        marks = []
        if self.data and self.data.fallback:
            marks.append("synthetic data")
        if self.weights and self.weights.fallback:
            marks.append("random weights")
        return tuple(marks)
