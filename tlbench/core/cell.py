"""A cell: one point of the matrix, complete and frozen.

Everything that can change a result is a field here and nothing else is: no paths, no worker counts.
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
"""Today's edition of what strategies do: part of every cell that is trained."""
Weights = Literal["imagenet", "file", "drawn", "random"]
"""`drawn`: pretrained by tlbench itself on drawn pictures, and shipped with it."""
FILE = "file"
"""The name of a backbone that is a saved model, and what its weights are called."""
Backend = Literal["tensorflow", "jax", "torch"]
USUAL_BACKEND: Backend = "tensorflow"
"""Where a suite says nothing, and of what no suite decides."""
Jit = Literal["auto", "on", "off"]
Shape = Literal["constant", "cosine", "linear", "step"]
StepName = Literal["inference", "training"]
Monitor = Literal["val_loss", "val_accuracy"]


class Value(BaseModel):
    """Base of all values that pass between rooms: immutable, and closed to unknown fields.

    Numbers that are not finite (a diverged loss) are the strings ``NaN`` and ``Infinity`` in JSON, which
    has no numbers for them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


class Grown(Value):
    """A value to which fields were added: `LATER` are left out of its JSON at their defaults, so that the ids of older
    cells stay, and of what is as ever nothing is said.
    """

    LATER: ClassVar[tuple[str, ...]] = ()

    @model_serializer(mode="wrap")
    def _ids_stay(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        unset = [name for name in self.LATER if getattr(self, name) == type(self).model_fields[name].default]
        return {name: value for name, value in handler(self).items() if name not in unset}


class Named(Value):
    """A registry name with its arguments, e.g. ``MobileNet`` with ``{"alpha": 0.25}``."""

    name: str
    args: dict[str, Scalar] = Field(default_factory=dict)

    @property
    def label(self) -> str:
        """The name as tables show it: ``MobileNet (alpha=0.25)``; of a saved model ``mine.keras (sha256=...)``, of a
        preset of keras-hub ``mine (sha256=...)``.
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
    """Images per class taken from each split; None takes all."""

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
    """Multiply the learning rate by `factor` when `monitor` stands still for `patience` epochs."""

    factor: float = 0.2
    patience: int = 2
    min_lr: float = 0.0
    monitor: Monitor = "val_loss"


class Augmentation(Grown):
    """Random changes of training images (never of validation or test images).

    rotation: degrees to either side. shift, zoom: fraction of the image. shear: degrees.
    flip: mirror left-right with probability 1/2. views: so many changed copies of each image are drawn, the same for
    all seeds, and epochs take them in turn, so that what frozen layers make of them can be kept; None: each epoch draws
    anew.
    """

    LATER: ClassVar[tuple[str, ...]] = ("views",)

    rotation: float = 0.0
    shift: float = 0.0
    shear: float = 0.0
    zoom: float = 0.0
    flip: bool = False
    views: int | None = None


class RandAugment(Value):
    """Each image goes through `operations` changes drawn at random, each of strength `magnitude` (0 to 10)."""

    operations: int = 2
    magnitude: float = 9.0


class Tuning(Value):
    """Settings that are tried, the best by validation to be kept.

    learning_rate: of phases that are trained by steps. l2: penalties of a head that is solved.
    """

    learning_rate: tuple[float, ...] = ()
    l2: tuple[float, ...] = ()

    @property
    def varies(self) -> Literal["learning_rate", "l2"]:
        """What differs between trials. Where rates are tried, the head they begin with is solved once, over `l2`."""
        return "learning_rate" if self.learning_rate else "l2"

    @property
    def trials(self) -> tuple[float, ...]:
        """The value of each trial."""
        return self.learning_rate or self.l2

    @property
    def label(self) -> str:
        """As tables show it: ``learning rate 0.0001, 0.001; L2 0.1, 0.01``."""
        given = (("learning rate", self.learning_rate), ("L2", self.l2))
        return "; ".join(f"{name} {', '.join(f'{value:g}' for value in values)}" for name, values in given if values)


class Training(Grown):
    """How the trainable part is trained. `learning_rate` is always a number here, never ``auto``.

    Of a head that is solved, epochs and learning_rate are 0: it has none, nor any other setting of gradient steps.
    schedule, warmup (a share of the steps): None is what the strategy does by itself. label_smoothing: the share of a
    label that is spread over all classes. weight_decay: decoupled, of kernels alone; None is the optimizer's own.
    mixup, cutmix: the parameter of the Beta distribution that the share of the other image is drawn from; 0: neither.
    A rate that is tuned is 0 as well.
    class_weight: ``balanced`` weighs the loss of each image so that all classes count the same; None: images do.
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
        """The learning rate as tables show it: ``0.0001``, or that it is tuned."""
        return "tuned" if self.tune and self.tune.learning_rate else f"{self.learning_rate:g}"

    @property
    def monitor(self) -> Monitor:
        """What validation chooses epochs, rates and sums of weights by."""
        return self.early_stopping.monitor if self.early_stopping else "val_loss"

    @property
    def mixes(self) -> bool:
        """Whether images, and with them labels, are mixed."""
        return bool(self.mixup or self.cutmix)

    @property
    def soft_labels(self) -> bool:
        """Whether an image may belong to several classes in parts: its loss is no longer that of its one label."""
        return bool(self.label_smoothing) or self.mixes

    @property
    def changes_images(self) -> bool:
        """Whether training sees other images than those of the data set."""
        return self.augmentation is not None or self.changes_anew

    @property
    def changes_anew(self) -> bool:
        """Whether each epoch draws its changes anew, so that what frozen layers make of them cannot be kept."""
        views = self.augmentation is not None and self.augmentation.views is not None
        return self.mixes or self.rand_augment is not None or (self.augmentation is not None and not views)


class Timing(Grown):
    """How step times are taken: at least `iterations` timed steps and at least `seconds` of them.

    warmup: steps at least before timing begins. max_seconds: timing of a step ends there, whether it has its
    iterations or not, but not before the six rounds that a number needs; None: no bound. more_batch_sizes: inference
    is timed at these too.
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
    """JSON with sorted keys and no spaces."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"))


def id_of(text: str) -> str:
    """The id of the cell whose canonical JSON is `text`."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


class Cell(Grown):
    """One training and what is measured of it; or an original classifier, of which nothing is trained (see `kind`).

    recipe: the edition of what strategies do. 1 (tlbench 0.1): all that is trained in one phase, from a random head,
    with BatchNormalization in training mode; 2: in phases, as `Strategy.phases` says; 3: boundaries on whole blocks.
    """

    LATER: ClassVar[tuple[str, ...]] = ("recipe", "resize")

    backbone: Named
    weights: Weights
    dataset: Named
    limit: Limit
    strategy: Named
    head: Head
    image_size: ImageSize
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
        """What the backbone's trained weights are, whether the cell begins with them or not."""
        return "file" if self.backbone.name == FILE else "imagenet"

    @field_validator("image_size")
    @classmethod
    def _one_spelling(cls, value: ImageSize) -> ImageSize:
        return plain(value)

    @model_validator(mode="after")
    def _of_one_kind(self) -> Self:
        if (self.train is None) != (self.head.name == ORIGINAL_HEAD):
            raise ValueError(f"a cell has settings of training or the original classifier (head {ORIGINAL_HEAD})")
        return self

    @property
    def kind(self) -> Kind:
        """``trained``: a new head is trained, perhaps the backbone too. ``original``: the classifier as published."""
        return "original" if self.train is None else "trained"

    @property
    def training(self) -> Training:
        """How it is trained. Raises ValueError for an original classifier: ask for `kind` first."""
        if self.train is None:
            raise ValueError(f"{self.label} is an original classifier: it is not trained")
        return self.train

    @property
    def protocol(self) -> Timing:
        """How its steps are timed. Raises ValueError where they are not: look whether `timing` is None first."""
        if self.timing is None:
            raise ValueError(f"the steps of {self.label} are not timed")
        return self.timing

    def canonical(self) -> str:
        """The cell as JSON with sorted keys and no spaces: equal cells give equal text."""
        return canonical(self.model_dump(mode="json"))

    @cached_property
    def id(self) -> str:
        """Twelve hexadecimal digits of the SHA-256 of `canonical()`."""
        return id_of(self.canonical())

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """As pydantic's; the copy finds its own id."""
        copied = super().model_copy(update=update, deep=deep)
        copied.__dict__.pop("id", None)
        return copied

    def timing_key(self, step: StepName) -> str:
        """Equal for cells whose models take the same time for a step.

        Images, weights and seed are not in it, nor is how training goes on: a step is one batch of random images.
        Inference does not depend on what is trained; training depends on the strategy and the optimizer.
        """
        parts: dict[str, Any] = self.model_dump(
            mode="json", include={"backbone", "head", "image_size", "precision", "backend", "jit", "timing"}
        )
        if step == "training":
            parts |= {"strategy": self.strategy.model_dump(mode="json"), "optimizer": self.training.optimizer}
        return f"{step} {canonical(parts)}"

    @property
    def label(self) -> str:
        """One line for people: backbone, data set, strategy, head, seed, and a backend other than the usual one."""
        parts = [self.backbone.label, self.dataset.label, self.strategy.label, self.head.label, f"seed {self.seed}"]
        return " · ".join([*parts, *([self.backend] if self.backend != USUAL_BACKEND else [])])

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Cell":
        """Rebuild a cell from `model_dump(mode="json")`.

        Raises pydantic.ValidationError where fields are missing, unknown or of the wrong type.
        """
        return cls.model_validate(data)
