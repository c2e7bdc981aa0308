"""A cell: one experiment of a suite's matrix, fully specified and immutable.

Every setting that can change a result is a field of `Cell`. Settings that cannot (paths, the number of workers) are
kept elsewhere, so that a cell's id identifies its result.
"""

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from tlbench.core.image_size import ImageSize, Resize, plain

Scalar = bool | int | float | str | None
Output = Literal["softmax", "sigmoid"]
Kind = Literal["trained", "original"]
ORIGINAL_HEAD = "imagenet"
ORIGINAL_CLASSES = 1000
RECIPE = 3
"""Current version of the training recipes that strategies implement; see `Cell.recipe`."""
Weights = Literal["imagenet", "file", "drawn", "random"]
"""Initial weights. ``file``: a saved model's. ``drawn``: pretrained on synthetic pictures, shipped with tlbench."""
FILE = "file"
"""Backbone name of a saved model, and the name of its weights."""
Backend = Literal["tensorflow", "jax", "torch"]
USUAL_BACKEND: Backend = "tensorflow"
"""The default backend of a suite, and the backend of commands that take no suite."""
Jit = Literal["auto", "on", "off"]
Shape = Literal["constant", "cosine", "linear", "step"]
StepName = Literal["inference", "training"]
Monitor = Literal["val_loss", "val_accuracy"]


class Value(BaseModel):
    """Base class of the values that rooms exchange: immutable, and strict about unknown fields.

    Non-finite numbers, such as a diverged loss, are written to JSON as the strings ``NaN`` and ``Infinity``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


class Grown(Value):
    """A value that gained fields after the first release.

    The fields named in `LATER` are left out of its JSON while they have their defaults, so that the ids of existing
    cells do not change.
    """

    LATER: ClassVar[tuple[str, ...]] = ()

    @model_serializer(mode="wrap")
    def _omit_later_defaults(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        omitted = [name for name in self.LATER if getattr(self, name) == type(self).model_fields[name].default]
        return {name: value for name, value in handler(self).items() if name not in omitted}


class Named(Value):
    """A registered name with its arguments, e.g. the backbone ``MobileNet`` with ``{"alpha": 0.25}``."""

    name: str
    args: dict[str, Scalar] = Field(default_factory=dict)

    @property
    def label(self) -> str:
        """The name as tables show it: ``MobileNet (alpha=0.25)``.

        A saved model is ``mine.keras (sha256=...)``, a preset of keras-hub ``mine (sha256=...)``.
        """
        args, name = dict(self.args), self.name
        if name == FILE and "model" in args:
            name = f"{args.pop('model')}.keras"
            args = {key: value for key, value in args.items() if (key, value) != ("scaling", "inside")}
        elif name == FILE and "preset" in args:
            name = str(args.pop("preset"))
        return f"{name} ({', '.join(f'{key}={value}' for key, value in sorted(args.items()))})" if args else name


class Head(Value):
    """The classifier on top of the backbone. `imagenet` is the backbone's original classifier."""

    name: str = "gap"
    hidden: tuple[int, ...] = ()
    dropout: float = 0.0
    output: Output = "softmax"

    @property
    def label(self) -> str:
        """The head as tables show it: ``flatten-128, dropout 0.5``."""
        parts = ["-".join([self.name, *map(str, self.hidden)])]
        if self.dropout:
            parts.append(f"dropout {self.dropout:g}")
        if self.output != "softmax":
            parts.append(self.output)
        return ", ".join(parts)


class Limit(Value):
    """The number of images per class taken from each split; None takes all of them."""

    train: int | None = None
    validation: int | None = None
    test: int | None = None


class EarlyStopping(Value):
    """Stop when `monitor` has not improved by `min_delta` for `patience` epochs."""

    patience: int = 3
    min_delta: float = 0.0
    monitor: Monitor = "val_loss"
    restore_best: bool = True


class ReduceLROnPlateau(Value):
    """Multiply the learning rate by `factor` when `monitor` has not improved for `patience` epochs."""

    factor: float = 0.2
    patience: int = 2
    min_lr: float = 0.0
    monitor: Monitor = "val_loss"


class Augmentation(Grown):
    """Random transformations of training images; validation and test images are never augmented.

    Attributes:
        rotation: largest angle in either direction, in degrees.
        shift: largest translation, as a fraction of the image.
        shear: largest shear angle, in degrees.
        zoom: largest change of scale, as a fraction.
        flip: whether to mirror images left to right with probability 1/2.
        views: the number of augmented copies drawn of each image. They are the same for all seeds, and epochs cycle
            through them, so that features of frozen layers can be cached. None draws new copies in every epoch.
    """

    LATER: ClassVar[tuple[str, ...]] = ("views",)

    rotation: float = 0.0
    shift: float = 0.0
    shear: float = 0.0
    zoom: float = 0.0
    flip: bool = False
    views: int | None = None


class RandAugment(Value):
    """Apply `operations` randomly chosen transformations to each image, each of strength `magnitude` (0 to 10)."""

    operations: int = 2
    magnitude: float = 9.0


class Tuning(Value):
    """A grid search: the values to try, of which the best on the validation split is kept.

    Attributes:
        learning_rate: learning rates of the phases that take gradient steps.
        l2: L2 penalties of a head that is solved.
    """

    learning_rate: tuple[float, ...] = ()
    l2: tuple[float, ...] = ()

    @property
    def varies(self) -> Literal["learning_rate", "l2"]:
        """The setting that differs between trials.

        With learning rates to try, the initial head is solved once for all trials, with the best of `l2`.
        """
        return "learning_rate" if self.learning_rate else "l2"

    @property
    def trials(self) -> tuple[float, ...]:
        """The value of each trial."""
        return self.learning_rate or self.l2

    @property
    def label(self) -> str:
        """The grid as tables show it: ``learning rate 0.0001, 0.001; L2 0.1, 0.01``."""
        grids = (("learning rate", self.learning_rate), ("L2", self.l2))
        return "; ".join(f"{name} {', '.join(f'{value:g}' for value in values)}" for name, values in grids if values)


class Training(Grown):
    """How the trainable part is trained.

    A head that is solved takes no gradient steps, so its `epochs`, `learning_rate` and other settings of steps have
    the values of `NO_STEPS` in suite/expand.py.

    Attributes:
        learning_rate: a number, never ``auto``; 0 where it is tuned.
        schedule: how the learning rate falls; None leaves it to the strategy.
        warmup: fraction of the steps in which the learning rate rises from 0; None leaves it to the strategy.
        label_smoothing: the share of each label that is spread over all classes.
        weight_decay: decoupled weight decay of kernels only; None is the optimizer's default.
        mixup: parameter of the symmetric Beta distribution of the mixing ratio; 0 turns mixup off.
        cutmix: likewise for CutMix.
        tune: the grid search over settings, if any.
        class_weight: ``balanced`` weighs images so that all classes count the same in the loss.
    """

    LATER: ClassVar[tuple[str, ...]] = (
        "schedule", "warmup", "label_smoothing", "weight_decay", "mixup", "cutmix", "rand_augment", "tune",
        "class_weight",
    )  # fmt: skip

    epochs: int
    batch_size: int
    optimizer: str
    learning_rate: float
    early_stopping: EarlyStopping | None = None
    reduce_lr: ReduceLROnPlateau | None = None
    augmentation: Augmentation | None = None
    schedule: Shape | None = None
    warmup: float | None = None
    label_smoothing: float = 0.0
    weight_decay: float | None = None
    mixup: float = 0.0
    cutmix: float = 0.0
    rand_augment: RandAugment | None = None
    tune: Tuning | None = None
    class_weight: Literal["balanced"] | None = None

    @property
    def rate(self) -> str:
        """The learning rate as tables show it: ``0.0001`` or ``tuned``."""
        return "tuned" if self.tune and self.tune.learning_rate else f"{self.learning_rate:g}"

    @property
    def monitor(self) -> Monitor:
        """The validation metric by which epochs, learning rates and averages of weights are chosen."""
        return self.early_stopping.monitor if self.early_stopping else "val_loss"

    @property
    def mixes(self) -> bool:
        """Whether images and their labels are mixed, by mixup or CutMix."""
        return bool(self.mixup or self.cutmix)

    @property
    def soft_labels(self) -> bool:
        """Whether a label may be a distribution over several classes."""
        return bool(self.label_smoothing) or self.mixes

    @property
    def changes_images(self) -> bool:
        """Whether training images are augmented or mixed."""
        return self.augmentation is not None or self.changes_anew

    @property
    def changes_anew(self) -> bool:
        """Whether every epoch draws new changes of the images, so that features of frozen layers cannot be cached."""
        augmented_anew = self.augmentation is not None and self.augmentation.views is None
        return self.mixes or self.rand_augment is not None or augmented_anew


class Timing(Grown):
    """The protocol by which step times are measured.

    Attributes:
        protocol: the name of the protocol that the numbers come from, or ``custom``.
        batch_size: images per step.
        warmup: minimum number of untimed steps before timing begins.
        iterations: minimum number of timed steps.
        seconds: minimum total time of the timed steps.
        max_seconds: stop timing after this long even with fewer iterations, but not before the six rounds that a
            result needs; None sets no bound.
        more_batch_sizes: further batch sizes at which inference is timed.
    """

    LATER: ClassVar[tuple[str, ...]] = ("max_seconds", "more_batch_sizes")

    protocol: str
    batch_size: int
    warmup: int
    iterations: int
    seconds: float
    max_seconds: float | None = None
    more_batch_sizes: tuple[int, ...] = ()


def canonical(content: Mapping[str, Any]) -> str:
    """`content` as JSON with sorted keys and no spaces."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"))


def id_of(text: str) -> str:
    """The id of the cell whose canonical JSON is `text`."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


class Combination(Grown):
    """The axes that a cell shares with a point of a suite's matrix (`tlbench.suite.point.Point`)."""

    backbone: Named
    weights: Weights
    dataset: Named
    limit: Limit
    strategy: Named
    head: Head
    image_size: ImageSize

    @field_validator("image_size")
    @classmethod
    def _square_as_one_number(cls, value: ImageSize) -> ImageSize:
        return plain(value)


class Cell(Combination):
    """One experiment: a model to train and measure, or an original classifier to measure only (see `kind`).

    Attributes:
        train: how the model is trained; None for an original classifier.
        timing: how its steps are timed; None where they are not.
        recipe: version of the training recipes. 1 (tlbench 0.1): one phase from a random head, with
            BatchNormalization in training mode. 2: phases as `Strategy.phases` describes. 3: as 2, with boundaries
            on whole blocks.
    """

    LATER: ClassVar[tuple[str, ...]] = ("recipe", "resize")

    train: Training | None
    seed: int
    precision: str
    backend: Backend
    jit: Jit
    timing: Timing | None
    recipe: int = 1
    resize: Resize = "stretch"

    @property
    def pretrained(self) -> Weights:
        """The pretrained weights of the backbone, also where the cell starts from random ones."""
        return "file" if self.backbone.name == FILE else "imagenet"

    @model_validator(mode="after")
    def _trained_or_original(self) -> Self:
        if (self.train is None) != (self.head.name == ORIGINAL_HEAD):
            raise ValueError(f"a cell has settings of training or the original classifier (head {ORIGINAL_HEAD})")
        return self

    @property
    def kind(self) -> Kind:
        """``trained``: a new head, and perhaps the backbone, is trained. ``original``: the published classifier."""
        return "original" if self.train is None else "trained"

    @property
    def training(self) -> Training:
        """The settings of the training. Raises ValueError for an original classifier; check `kind` first."""
        if self.train is None:
            raise ValueError(f"{self.label} is an original classifier: it is not trained")
        return self.train

    @property
    def protocol(self) -> Timing:
        """The timing protocol. Raises ValueError where steps are not timed; check that `timing` is not None first."""
        if self.timing is None:
            raise ValueError(f"the steps of {self.label} are not timed")
        return self.timing

    def canonical(self) -> str:
        """The cell as JSON with sorted keys and no spaces: the same text for equal cells."""
        return canonical(self.model_dump(mode="json"))

    @cached_property
    def id(self) -> str:
        """The first twelve hexadecimal digits of the SHA-256 of `canonical()`."""
        return id_of(self.canonical())

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """As pydantic's method, without the cached id of the original."""
        copied = super().model_copy(update=update, deep=deep)
        copied.__dict__.pop("id", None)
        return copied

    def timing_key(self, step: StepName) -> str:
        """A key that is the same for cells whose models take the same time per step.

        Steps are timed on batches of random images, so the key leaves out data set, weights, seed and most settings of
        training. Inference depends on neither strategy nor optimizer; a training step depends on both.
        """
        parts: dict[str, Any] = self.model_dump(
            mode="json", include={"backbone", "head", "image_size", "precision", "backend", "jit", "timing"}
        )
        if step == "training":
            parts |= {"strategy": self.strategy.model_dump(mode="json"), "optimizer": self.training.optimizer}
        return f"{step} {canonical(parts)}"

    @property
    def label(self) -> str:
        """One line for people: backbone, data set, strategy, head, seed, and the backend unless it is the default."""
        parts = [self.backbone.label, self.dataset.label, self.strategy.label, self.head.label, f"seed {self.seed}"]
        return " · ".join([*parts, *([self.backend] if self.backend != USUAL_BACKEND else [])])

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Cell":
        """Rebuild a cell from `model_dump(mode="json")`.

        Raises:
            pydantic.ValidationError: a field is missing, unknown or of the wrong type.
        """
        return cls.model_validate(data)
