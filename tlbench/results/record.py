"""Records: the result of a cell, stored in a JSON file. docs/results-format.md describes every field."""

import math
from typing import Literal

from pydantic import Field

from tlbench.core.cell import Cell, Weights
from tlbench.core.value import Value
from tlbench.results.basis import Basis
from tlbench.results.images import DataProvenance
from tlbench.results.measured import Environment, Memory, Timings, Usage
from tlbench.results.trained import Epoch, Search, TrainedPhase, TrainingPath

SCHEMA_VERSION = 7

RecipeKey = tuple[str, Basis]
Status = Literal["ok", "failed", "oom", "timeout", "killed", "invalid", "skipped"]


class Failure(Value):
    """Why a cell failed: the type of the error, its message, and what to do about it."""

    type: str
    message: str
    advice: str


class PartCounts(Value):
    """The counts of a part of the model; fields as in `Counts`."""

    params: int
    trainable: int
    depth: int
    size_mb: float
    flops: int


class Counts(Value):
    """The counts of a model.

    Attributes:
        params: the number of parameters.
        trainable: the number of trainable parameters.
        non_trainable: the number of other parameters.
        depth: the number of layers with weights.
        size_mb: the size of the weights as stored, in MiB.
        flops: the operations of convolutions and matrix products in a forward pass of one image; a multiply-add counts
            as two.
        uncounted: kinds of operations that are not in `flops` and may take time.
        backbone: the counts of the backbone.
        head: the counts of the head.
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
    """Metrics on the test split, from 0 to 1.

    Attributes:
        top1: the top-1 accuracy.
        correct: the number of images predicted correctly.
        images: the number of images.
        low: the lower end of Wilson's 95 % interval of `top1`.
        high: the upper end.
        loss: the mean cross-entropy.
        top5: the top-5 accuracy; None with five classes or fewer.
        macro_f1: the mean F1 score over classes.
        calibration_error: the expected calibration error.
        per_class: the recall of each class.
        confusion: the confusion matrix, with rows for true classes and columns for predicted ones, in the order of the
            data's classes; empty with more than 100 classes.
        validation_top1: the validation accuracy of the weights that were kept; None if nothing was trained.
        validation_loss: their validation loss, likewise.
        resampled: test accuracies of a solved head on resamples of its training images, to show how much it depends on
            the choice of images.
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
        """The balanced accuracy: the mean recall over the classes in the test split.

        K. Brodersen et al., The Balanced Accuracy and Its Posterior Distribution, ICPR 2010.
        """
        return sum(self.per_class.values()) / len(self.per_class)


class WeightsProvenance(Value):
    """The weights that the backbone started from.

    Attributes:
        source: the kind of weights.
        fallback: whether they are a stand-in.
        file: the official file name, or that of a saved model; never a path.
        sha256: the SHA-256 of the file.
        instead_of: the official file for the image size, if it was not available and another size's was used.
        as_published: whether the file has the digest that Keras publishes; None where Keras publishes none, and in
            records of schema 6 and older, and of stand-ins and saved models.
        classifier: the file with the original classifier, if training needed it.
        classifier_sha256: its SHA-256.
        classifier_as_published: as `as_published`.
    """

    source: Weights
    fallback: bool
    file: str | None = None
    sha256: str | None = None
    instead_of: str | None = None
    as_published: bool | None = None
    classifier: str | None = None
    classifier_sha256: str | None = None
    classifier_as_published: bool | None = None


class SavedModel(Value):
    """The file of a trained model, from raw images to class probabilities; `file` is relative to the run's folder."""

    file: str
    sha256: str
    bytes: int


class Provenance(Value):
    """What made the record, and when (UTC, ISO 8601)."""

    tlbench: str
    git_commit: str | None
    started: str
    finished: str


class Attempt(Value):
    """An earlier, failed attempt at a cell in the same run.

    Attributes:
        status: how it ended.
        failure: why.
        batch_size: its batch size; None if nothing was to be trained.
        then: how the cell was retried: ``alone`` (others had run at the same time), ``elsewhere`` (its machine was
            lost), with half the batch size (``smaller``), or unchanged (``retried``).
    """

    status: Status
    failure: Failure
    batch_size: int | None
    then: Literal["alone", "elsewhere", "smaller", "retried"]


class SmallerBatch(Value):
    """The batch size asked for, and the one used after memory ran out with ``on_oom: halve_batch`` in the suite."""

    asked: int
    trained: int


class Record(Value):
    """The result of a cell. Fields are None or empty if the cell did not get that far.

    Attributes:
        schema_version: the version of the format.
        cell_id: the id of the cell.
        cell: the cell.
        status: how it ended.
        environment: the machine and software that trained it.
        provenance: what made the record, and when.
        failure: why it failed.
        data: its images.
        weights: its initial weights.
        counts: the counts of its model.
        accuracy: the metrics on the test split.
        history: the epochs (of the chosen trial, with a grid search).
        timings: the step times.
        timing_failure: why a trained cell has no step times.
        phases: the wall time of each phase of the work, in seconds.
        usage: the resource usage of each of them; empty in older records.
        memory: the memory used.
        path: what the last phase was trained on.
        training: the phases of training (of the chosen trial, with a grid search).
        search: the grid search, if there was one.
        saved_model: the file of the trained model, if it was saved.
        nondeterministic: what may differ if the cell is trained again on the same machine; empty if predictions are the
            same bit for bit.
        earlier: earlier failed attempts, in order.
        smaller_batch: the reduced batch size, if it was reduced.
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
        """The machine and software that timed its steps, which are by default those that trained it."""
        return (self.timings.environment if self.timings else None) or self.environment

    @property
    def trouble(self) -> Failure | None:
        """Why the cell failed or has no step times; None if it is complete."""
        return self.failure or self.timing_failure

    @property
    def kept_head(self) -> bool:
        """Whether fine-tuning was thrown away: the trained model is the solved head that it began with, which was the
        best on the validation split. The accuracy is then that of `frozen`, whatever the strategy is called.
        """
        found, asked = self.accuracy, self.cell.strategy.args.get("alpha") == 0  # none of the fine-tuned weights
        if found is None or found.validation_loss is None or found.validation_top1 is None or asked:
            return False
        if len(self.history) < 2 or self.history[0].epoch != 0:
            return False
        head = self.history[0]
        pairs = ((found.validation_loss, head.val_loss), (found.validation_top1, head.val_accuracy))
        return all(math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-7) for one, other in pairs)

    @property
    def fallbacks(self) -> tuple[str, ...]:
        """The stand-ins it used: ``synthetic data``, ``drawn weights``, ``batch 16 for 32``."""
        marks = []
        if self.data and self.data.fallback:
            marks.append("synthetic data")
        if self.weights and self.weights.fallback:
            marks.append(f"{self.weights.source} weights")
        if self.smaller_batch:
            marks.append(f"batch {self.smaller_batch.trained} for {self.smaller_batch.asked}")
        return tuple(marks)

    @property
    def basis(self) -> Basis:
        """What it rests on: the images, the weights and the stand-ins."""
        kind = self.weights.source if self.weights else ""
        weights = " ".join(filter(None, self.start)) or kind
        return Basis(self.data.fingerprint if self.data else "", weights, self.fallbacks)

    @property
    def cell_key(self) -> tuple[str, Basis]:
        """The same for records of one cell that rest on the same, whichever run they are of."""
        return (self.cell_id, self.basis)

    @property
    def recipe_key(self) -> RecipeKey:
        """The same for trainings of one recipe: cells that differ in the seed alone, and rest on the same."""
        return (self.cell.apart_from("seed"), self.basis)

    @property
    def start(self) -> tuple[str, str]:
        """The digests of the backbone's file of weights and of that with the classifier; empty where there is none."""
        found = self.weights
        return (found.sha256 or "", found.classifier_sha256 or "") if found else ("", "")
