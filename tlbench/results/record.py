"""A record: what one cell gave. One JSON file; docs/results-format.md describes every field."""

from typing import Literal

from pydantic import Field

from tlbench.core.cell import Cell, Value, Weights
from tlbench.results.images import DataProvenance
from tlbench.results.measured import Environment, Memory, Timings, Usage
from tlbench.results.trained import Epoch, Search, TrainedPhase, TrainingPath

SCHEMA_VERSION = 5

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
    one image over convolutions and matrix products; a multiply and an add are two. uncounted: kinds of operations that
    are not in `flops` and may cost something.
    """

    params: int
    trainable: int
    non_trainable: int
    depth: int
    size_mb: float
    flops: int
    uncounted: tuple[str, ...] = ()
    backbone: PartCounts
    head: PartCounts


class Accuracy(Value):
    """Accuracy on the test set; `low` and `high` bound the Wilson 95 % interval of `top1` (all 0 to 1).

    top5: None for five classes or fewer. per_class: recall. confusion: counts, a row for each true class, a column for
    each predicted one, in the order of the data's classes; empty for more than 100 classes. validation_top1 and
    validation_loss: of the epoch whose weights were kept; None where nothing was trained. resampled: test accuracies of
    a solved head on resamples of its training images; their spread is what another choice of images would have changed.
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
    validation_top1: float | None
    validation_loss: float | None
    resampled: tuple[float, ...] = ()

    @property
    def balanced(self) -> float:
        """Balanced accuracy: the mean recall of the classes that the test set has (K. Brodersen et al., The Balanced
        Accuracy and Its Posterior Distribution, ICPR 2010).
        """
        return sum(self.per_class.values()) / len(self.per_class)


class WeightsProvenance(Value):
    """Which weights the backbone started from. `file` is the official file name, or a saved model's, never a path.

    instead_of: the official file for the images' size, where it could not be had and another size's was taken.
    classifier, classifier_sha256: the file of the original classifier, where training needed that, too.
    """

    source: Weights
    fallback: bool
    file: str | None = None
    sha256: str | None = None
    instead_of: str | None = None
    classifier: str | None = None
    classifier_sha256: str | None = None


class SavedModel(Value):
    """The trained model, from raw images to class probabilities: a file of Keras beside the records.

    file: relative to the run's folder. sha256, bytes: of the file.
    """

    file: str
    sha256: str
    bytes: int


class Provenance(Value):
    """What made the record, when (UTC, ISO 8601)."""

    tlbench: str
    git_commit: str | None
    started: str
    finished: str


class Attempt(Value):
    """An earlier attempt at a cell in the same run, which gave no numbers.

    batch_size: with which it trained; None where nothing was to be trained. then: it was tried again ``alone`` (others
    had trained beside it), ``elsewhere`` (its machine was lost), with half the batch (``smaller``), or as it was
    (``retried``).
    """

    status: Status
    failure: Failure
    batch_size: int | None
    then: Literal["alone", "elsewhere", "smaller", "retried"]


class SmallerBatch(Value):
    """Images a batch, as asked for and as trained with: memory ran out, and the suite says ``on_oom: halve_batch``."""

    asked: int
    trained: int


class Record(Value):
    """One cell's outcome. All fields but the first seven are None where the cell did not get so far.

    path: what the last phase was trained on. training: all phases, in order. search: how a tuned setting was found;
    history and training are those of the trial that was chosen. timing_failure: why a trained cell has no
    step times. usage: what each of `phases` cost; empty in older records. saved_model: where the trained model is kept,
    if it is. earlier: attempts that failed before, the first one first. nondeterministic: what may differ when the same
    cell is trained again on the same machine; empty where the same seed gives the same predictions, bit for bit.
    """

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
    timing_failure: Failure | None = None
    phases: dict[str, float] = Field(default_factory=dict)
    usage: dict[str, Usage] = Field(default_factory=dict)
    memory: Memory | None = None
    path: TrainingPath | None = None
    training: tuple[TrainedPhase, ...] = ()
    search: Search | None = None
    saved_model: SavedModel | None = None
    nondeterministic: tuple[str, ...] = ()
    earlier: tuple[Attempt, ...] = ()
    smaller_batch: SmallerBatch | None = None

    @property
    def where_timed(self) -> Environment:
        """Machine and software that its step times are of; where it was trained, if nobody says otherwise."""
        return (self.timings.environment if self.timings else None) or self.environment

    @property
    def trouble(self) -> Failure | None:
        """Why the cell has no numbers, or no step times; None where it has all it asked for."""
        return self.failure or self.timing_failure

    @property
    def fallbacks(self) -> tuple[str, ...]:
        """What stands in for what was asked for: ``synthetic data``, ``drawn weights``, ``batch 16 for 32``."""
        marks = []
        if self.data and self.data.fallback:
            marks.append("synthetic data")
        if self.weights and self.weights.fallback:
            marks.append(f"{self.weights.source} weights")
        if self.smaller_batch:
            marks.append(f"batch {self.smaller_batch.trained} for {self.smaller_batch.asked}")
        return tuple(marks)

    @property
    def rests_on(self) -> tuple[str, ...]:
        """Fingerprint of the images, and what stands in: with others, the same cell gives another result."""
        return (self.data.fingerprint if self.data else "", *self.fallbacks)
