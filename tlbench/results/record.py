"""A record: what one cell gave. One JSON file; docs/results-format.md describes every field."""

from typing import Literal

from pydantic import Field

from tlbench.core.cell import Cell, Monitor, StepName, Value
from tlbench.results.images import DataProvenance

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


class Epoch(Value):
    """One epoch of training. `seconds` is wall time, validation included.

    phase: of the training; None in records of tlbench 0.1. Epoch 0 is a head that was solved: it has no learning rate.
    """

    epoch: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    learning_rate: float
    seconds: float
    phase: str | None = None


class Doubt(Value):
    """Why a measurement is unstable, in one sentence, and what would make it stable."""

    kind: Literal["wide", "drift", "bimodal", "outliers", "trend", "load", "short", "reference", "unjudged"]
    message: str
    advice: str


def shown_statistic(protocol: str) -> Literal["median", "mean"]:
    """What is shown of a step's samples: keras.io gives means."""
    return "mean" if protocol == "keras" else "median"


class Relative(Value):
    """A step's time relative to that of the anchor, which took turns with it: the median of their ratios by round.

    to: the id of the anchor's cell. low, high: 95 % interval (`statistics.bootstrap.ratio`); None where there are too
    few rounds. beside: the anchor's samples of the same rounds, in seconds; empty for the anchor itself.
    """

    to: str
    estimate: float
    low: float | None
    high: float | None
    beside: tuple[tuple[float, ...], ...] = ()


class StepTiming(Value):
    """Time of one step (one batch) on the whole model; all times in seconds.

    measured_with: id of the cell whose model was timed; cells with equal timing keys share one measurement.
    `first_call` (trace, compilation, choice of kernels) and `warmup` are never part of `rounds`, the raw samples of
    each round in which the models took turns. reference: time of the reference workload around each round.
    low, high: 95 % interval of the number that is shown, the mean with protocol ``keras``, else the median
    (`statistics.bootstrap.over_rounds`); None where there are too few rounds. normalised: median of the samples, each
    divided by the reference time of its round. models: how many took turns, this one included. drift: spread of the
    reference workload's times around the rounds, relative to their median (`statistics.drift`); None where there are
    too few. complete: False where `max_seconds` came before `iterations`.
    doubts: why the measurement is unstable; empty for a stable one.
    session: measurements with the same session took turns round by round, so that their rounds are pairs; None where
    that cannot be known. draws: how many of the rounds each process gave, one process after the other; empty where one
    gave them all. relative: the time relative to the run's anchor; None in records of tlbench 0.1, at other batch sizes
    than the first, and where the anchor was lost. memory: bytes that the process which was timed took for the step at
    most, anonymous memory above what it had before the model was built; None where unknown.
    """

    step: StepName
    batch_size: int
    measured_with: str
    first_call: float
    warmup: tuple[float, ...]
    rounds: tuple[tuple[float, ...], ...]
    reference: tuple[float, ...]
    mean: float
    median: float
    low: float | None
    high: float | None
    minimum: float
    p95: float
    normalised: float | None
    models: int
    drift: float | None
    complete: bool
    doubts: tuple[Doubt, ...]
    session: str | None = None
    draws: tuple[int, ...] = ()
    relative: Relative | None = None
    memory: int | None = None

    @property
    def samples(self) -> tuple[float, ...]:
        """All samples, in the order they were taken."""
        return tuple(sample for samples in self.rounds for sample in samples)

    @property
    def stable(self) -> bool:
        """Nothing casts a doubt on it."""
        return not self.doubts


class Environment(Value):
    """Where the numbers were taken: `identity` identifies the machine, `volatile` drifts.

    versions: of packages, as imported where they were, else as installed. imported: the folder of each, and the one it
    lies in (``site-packages/keras``). variables: of the environment, that change numbers or times. node: the machine's
    name in its cluster; empty where a run has one machine.
    """

    identity: dict[str, str]
    volatile: dict[str, str]
    versions: dict[str, str]
    imported: dict[str, str] = Field(default_factory=dict)
    variables: dict[str, str] = Field(default_factory=dict)
    node: str = ""


class Timings(Value):
    """Step times on one device (`device`: ``cpu`` or ``gpu``).

    threads: CPU threads the process may use. calls: for each step, the Keras function that is called.
    environment: the machine and software of the processes that timed the steps, by their own word; None where those are
    the record's.
    """

    device: Literal["cpu", "gpu"]
    device_name: str
    environment: Environment | None = None
    jit: bool
    threads: int
    protocol: str
    calls: dict[str, str] = Field(default_factory=dict)
    steps: tuple[StepTiming, ...]

    @property
    def inference(self) -> StepTiming:
        """The inference step at the first batch size."""
        return next(step for step in self.steps if step.step == "inference")

    @property
    def training(self) -> StepTiming | None:
        """The training step; None for a strategy that trains nothing."""
        return next((step for step in self.steps if step.step == "training"), None)


class Memory(Value):
    """Memory of the process that trained the cell, in bytes; step times are taken in other processes.

    peak: the kernel's high-water mark (VmHWM); start: resident before the model was built (the framework).
    device_peak: the backend's own counter on a GPU. weights, gradients, optimizer: what the model's state needs.
    allocator: how the process kept memory that it had freed; None: as the C library does by itself.
    """

    peak: int | None
    start: int | None
    device_peak: int | None
    weights: int
    gradients: int
    optimizer: int
    allocator: str | None = None


class Usage(Value):
    """What work cost: CPU seconds of all threads in the program (user) and in the kernel (system), and page faults that
    needed no disk. Kernel seconds beside many faults are memory that was given back and asked for again.
    """

    user: float
    system: float
    faults: float

    @property
    def kernel(self) -> float:
        """The kernel's share of the CPU time; 0 where there was none."""
        whole = self.user + self.system
        return self.system / whole if whole else 0.0

    def since(self, before: "Usage", parts: int = 1) -> "Usage":
        """What came after `before`; of several equal parts, the mean of one."""
        return Usage(
            user=(self.user - before.user) / parts,
            system=(self.system - before.system) / parts,
            faults=(self.faults - before.faults) / parts,
        )

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(user=self.user + other.user, system=self.system + other.system, faults=self.faults + other.faults)


class TrainingPath(Value):
    """What was trained on. Step times are of the whole model in any case.

    whole: why the whole model was trained, on images; None where it was cut at the freeze boundary and the part above
    the cut trained on what the part below makes of each image. shapes: what is handed over for one image, in
    bytes_per_image bytes. computed: images that went through the part below for this cell; the others' features were
    kept from earlier. rebuilt: kept features that were damaged and made again. forward: mean seconds of one image in
    the part below; None where none went through it. step: median seconds of a training step of what was trained, the
    first epoch left out; None for a single epoch. step_usage: what such a step cost on average.
    """

    whole: str | None
    shapes: tuple[tuple[int, ...], ...] = ()
    bytes_per_image: int = 0
    computed: int = 0
    rebuilt: tuple[str, ...] = ()
    forward: float | None = None
    step: float | None = None
    step_usage: Usage | None = None


class Setting(Value):
    """A setting that a solver tried, with mean cross-entropy and accuracy on both splits it saw.

    setting: an L2 penalty, a number of neighbours, or the factor of the scores of class means.
    """

    setting: float
    loss: float | None
    accuracy: float | None
    val_loss: float
    val_accuracy: float


class TrainedPhase(Value):
    """One phase of a training.

    frozen: the backbone's first layers that were fixed. trained: what of the backbone was not, in words. trainable:
    parameters that were not. epochs, learning_rate (its highest), batch_norm: of a gradient phase. head_rate: the
    head's, where it was another. lowest_rate: of the lowest layers, where each had its own. path: what was trained on.
    tried, chosen: settings of a solver, and the index of the one that validation chose; of sums of weights, the number
    of epochs in a soup, or the share of the fine-tuned ones. calibration: factor of the logits of a second head, by
    which its labels were learned. seconds: wall time, without the pass through the fixed part.
    """

    name: str
    solver: str
    frozen: int
    trained: str = ""
    trainable: int
    epochs: int
    learning_rate: float
    head_rate: float | None = None
    lowest_rate: float | None = None
    batch_norm: str
    path: TrainingPath
    tried: tuple[Setting, ...] = ()
    chosen: int | None = None
    calibration: float | None = None
    seconds: float = 0.0


class Trial(Value):
    """A setting that was tried and what validation says of it: of the epoch whose weights it would keep.

    seconds: wall time of this trial alone; None where all were solved together.
    """

    setting: float
    val_loss: float
    val_accuracy: float
    seconds: float | None = None


class Search(Value):
    """How a cell's setting was found: every trial, and the index of the one that validation chose by `monitor`.

    The test set was looked at once, for the chosen one. varied: what differs between trials. seconds: wall time of all
    of them, with what they share (a head that is solved once).
    """

    varied: Literal["learning_rate", "l2"]
    trials: tuple[Trial, ...]
    chosen: int
    monitor: Monitor
    seconds: float

    @property
    def setting(self) -> float:
        """The chosen one."""
        return self.trials[self.chosen].setting


class WeightsProvenance(Value):
    """Which weights the backbone started from. `file` is the official file name, never a path.

    instead_of: the official file for the images' size, where it could not be had and another size's was taken.
    classifier, classifier_sha256: the file of the original classifier, where training needed that, too.
    """

    source: Literal["imagenet", "random"]
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
    def trouble(self) -> Failure | None:
        """Why the cell has no numbers, or no step times; None where it has all it asked for."""
        return self.failure or self.timing_failure

    @property
    def fallbacks(self) -> tuple[str, ...]:
        """What stands in for what was asked for: ``synthetic data``, ``random weights``, ``batch 16 for 32``."""
        marks = []
        if self.data and self.data.fallback:
            marks.append("synthetic data")
        if self.weights and self.weights.fallback:
            marks.append("random weights")
        if self.smaller_batch:
            marks.append(f"batch {self.smaller_batch.trained} for {self.smaller_batch.asked}")
        return tuple(marks)
