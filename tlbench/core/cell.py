"""A cell: one experiment of a suite's matrix, fully specified and immutable.

Every setting that can change a result is a field of `Cell`. Settings that cannot (paths, the number of workers) are
kept elsewhere, so that a cell's id identifies its result.
"""

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from tlbench.core.image_size import ImageSize, Resize, plain
from tlbench.core.training import Training
from tlbench.core.value import Grown, Value

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
SCRATCH = "scratch"
"""The strategy that starts from random weights."""
Backend = Literal["tensorflow", "jax", "torch"]
USUAL_BACKEND: Backend = "tensorflow"
"""The default backend of a suite, and the backend of commands that take no suite."""
Jit = Literal["auto", "on", "off"]
StepName = Literal["inference", "training"]


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


MOST_UNITS = 65_536
"""The most units of a layer of a head, of which the last layer has one for each class."""


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

    @property
    def given_weights(self) -> Weights:
        """The weights that the suite gives the backbone; those of ``scratch`` are random whatever it says."""
        return self.pretrained if self.strategy.name == SCRATCH else self.weights

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

    def apart_from(self, *fields: str) -> str:
        """As `canonical`, without some fields: the same text for cells that differ in nothing else."""
        return canonical(self.model_dump(mode="json", exclude=set(fields)))

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

    @property
    def title(self) -> str:
        """The backbone and the strategy, as reports name a cell: ``MobileNet (alpha=0.25), frozen``."""
        return f"{self.backbone.label}, {self.strategy.label}"

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Cell":
        """Rebuild a cell from `model_dump(mode="json")`.

        Raises:
            pydantic.ValidationError: a field is missing, unknown or of the wrong type.
        """
        return cls.model_validate(data)
