"""The keys of a suite file. docs/suites.md explains each."""

import re
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from tlbench.cache.folders import parse_size
from tlbench.core.cell import (
    Augmentation,
    Backend,
    EarlyStopping,
    Head,
    Jit,
    Limit,
    RandAugment,
    ReduceLROnPlateau,
    Shape,
    Tuning,
)
from tlbench.core.errors import UserError
from tlbench.regression.gates import Gates, gate_kinds
from tlbench.strategies.base import RELATIVE_TO_ADAM
from tlbench.suite.fields import (
    Count,
    FileName,
    Flag,
    Fraction,
    NotNegative,
    Positive,
    Section,
    Seed,
    Share,
    Text,
    complain,
    listed,
    number,
    one_of,
    whole,
)
from tlbench.suite.items import Backbones, Dataset, HeadItem, Strategy

PROTOCOLS: dict[str, tuple[int, int, float]] = {
    # warm-up steps at least, timed steps at least, timed seconds at least
    "quick": (2, 15, 1.0),
    "standard": (5, 200, 5.0),
    "keras": (5, 300, 0.0),  # keras.io: 30 batches x 10 repetitions, and the mean of them
}
CUSTOM, NO_TIMING = "custom", "none"


def _image_size(value: Any) -> Any:
    if value == "native":
        return value
    if isinstance(value, str):
        raise complain(f"a number of pixels or native belongs here, not {value!r}")
    return whole(8, 4096)(value)


def _rate(value: Any) -> Any:
    return value if value == "auto" else number(0, 1000, open_low=True)(value)


def _most(value: Any) -> Any:
    """``all`` sets no limit."""
    return None if value == "all" else whole(1, 10_000_000)(value)


def _defaults(value: Any) -> Any:
    """``true`` asks for the defaults of a section, ``false`` for none."""
    return {True: {}, False: None}[value] if isinstance(value, bool) else value


def _bytes(value: object) -> object:
    """Bytes of ``4GB``."""
    if not isinstance(value, str):
        raise ValueError("a size with its unit belongs here, as 500MB or 4GB")
    try:
        return parse_size(value, "memory")
    except UserError as error:
        raise ValueError(str(error)) from error


def _seeds(value: Any) -> Any:
    """``0-4`` stands for 0, 1, 2, 3, 4, also within a list."""
    found: list[Any] = []
    for one in listed(value):
        if not (isinstance(one, str) and (match := re.fullmatch(r"\s*(\d{1,10})\s*-\s*(\d{1,10})\s*", one, re.ASCII))):
            found.append(one)
            continue
        first, last = int(match[1]), int(match[2])
        if last < first:
            raise complain(f"seeds from {first} to {last} are none; write the smaller one first")
        if last - first >= MOST_CELLS:
            raise complain(f"{last - first + 1} seeds; a suite has at most {MOST_CELLS} cells")
        found += range(first, last + 1)
    return found


MOST_CELLS = 20_000
"""Of a suite: more than a year of training, and made within seconds."""
Listed = BeforeValidator(listed)
Trials = Annotated[list[Annotated[float, BeforeValidator(number(0, 1e6, open_low=True))]], Listed]
MemorySize = Annotated[int, Field(gt=0), BeforeValidator(_bytes)]
Size = Annotated[int | Literal["native"], BeforeValidator(_image_size)]
Most = Annotated[int | None, BeforeValidator(_most)]
Rate = Annotated[float | Literal["auto"], BeforeValidator(_rate)]
Optimizer = Annotated[str, BeforeValidator(one_of(*RELATIVE_TO_ADAM, label="optimizer"))]
SHAPES = get_args(Shape)
ScheduleName = Annotated[Shape, BeforeValidator(one_of(*SHAPES, label="schedule"))]
Precision = Annotated[str, BeforeValidator(one_of("float32", "mixed_bfloat16", "mixed_float16", label="precision"))]
BackendName = Annotated[Backend, BeforeValidator(one_of("tensorflow", "jax", "torch", label="backend"))]
JitMode = Annotated[Jit, BeforeValidator(one_of("auto", "on", "off", label="jit mode"))]
Monitor = Annotated[
    Literal["val_loss", "val_accuracy"], BeforeValidator(one_of("val_loss", "val_accuracy", label="monitor"))
]


class LimitSection(Section):
    """Images per class. A list for train is an axis of the matrix: accuracy against the number of training images."""

    train: Annotated[list[Most], Listed] = [None]
    validation: Most = None
    test: Most = None

    def values(self) -> list[Limit]:
        """As cells have it: one for each number of training images."""
        return [Limit(train=train, validation=self.validation, test=self.test) for train in self.train]


class StoppingSection(Section):
    """EarlyStopping."""

    patience: Count = 3
    min_delta: NotNegative = 0.0
    monitor: Monitor = "val_loss"
    restore_best: Flag = True

    def value(self) -> EarlyStopping:
        """As a cell has it."""
        return EarlyStopping(**self.model_dump())


class PlateauSection(Section):
    """ReduceLROnPlateau."""

    factor: Annotated[float, BeforeValidator(number(0, 1, open_low=True, open_high=True))] = 0.2
    patience: Count = 2
    min_lr: NotNegative = 0.0
    monitor: Monitor = "val_loss"

    def value(self) -> ReduceLROnPlateau:
        """As a cell has it."""
        return ReduceLROnPlateau(**self.model_dump())


class AugmentationSection(Section):
    """Random changes of training images."""

    rotation: Annotated[float, BeforeValidator(number(0, 180))] = 0.0
    shift: Fraction = 0.0
    shear: Annotated[float, BeforeValidator(number(0, 45))] = 0.0
    zoom: Fraction = 0.0
    flip: Flag = False
    views: Annotated[int | None, BeforeValidator(lambda v: v if v is None else whole(1, 1000)(v))] = None

    def value(self) -> Augmentation:
        """As a cell has it."""
        return Augmentation(**self.model_dump())


class RandAugmentSection(Section):
    """RandAugment."""

    operations: Annotated[int, BeforeValidator(whole(1, 14))] = 2
    magnitude: Annotated[float, BeforeValidator(number(0, 10))] = 9.0

    def value(self) -> RandAugment:
        """As a cell has it."""
        return RandAugment(**self.model_dump())


class TuneSection(Section):
    """Settings to try for every cell, the best by validation to be kept."""

    learning_rate: Trials = []
    l2: Trials = []

    @model_validator(mode="after")
    def _something(self) -> "TuneSection":
        for key, values in (("learning_rate", self.learning_rate), ("l2", self.l2)):
            if len(set(values)) < len(values):
                raise complain("a value stands here twice; each trial needs one of its own", key)
        if not self.learning_rate and not self.l2:
            raise complain("name learning_rate, l2, or both")
        return self

    def value(self) -> Tuning:
        """As a cell has it."""
        return Tuning(learning_rate=tuple(self.learning_rate), l2=tuple(self.l2))


class TrainSection(Section):
    """How to train. Lists are axes of the matrix."""

    epochs: Annotated[list[Count], Listed]
    batch_size: Annotated[list[Count], Listed] = [32]
    optimizer: Annotated[list[Optimizer], Listed] = ["adam"]
    learning_rate: Annotated[list[Rate], Listed] = ["auto"]
    early_stopping: Annotated[StoppingSection | None, BeforeValidator(_defaults)] = None
    reduce_lr: Annotated[PlateauSection | None, BeforeValidator(_defaults)] = None
    augmentation: AugmentationSection | None = None
    schedule: ScheduleName | None = None
    warmup: Fraction | None = None
    label_smoothing: Fraction = 0.0
    weight_decay: Annotated[float | None, BeforeValidator(lambda v: v if v is None else number(0, 1)(v))] = None
    mixup: Annotated[float, BeforeValidator(number(0, 10))] = 0.0
    cutmix: Annotated[float, BeforeValidator(number(0, 10))] = 0.0
    rand_augment: Annotated[RandAugmentSection | None, BeforeValidator(_defaults)] = None
    tune: TuneSection | None = None
    class_weight: Annotated[Literal["balanced"] | None, BeforeValidator(one_of("balanced", label="class weight"))] = (
        None
    )

    @model_validator(mode="after")
    def _together(self) -> "TrainSection":
        if self.reduce_lr and (self.warmup or self.schedule not in (None, "constant")):
            key = "warmup" if self.warmup else "schedule"
            raise complain(f"{key} and reduce_lr both set the learning rate; name one of them", key)
        anew = {"mixup": self.mixup, "cutmix": self.cutmix, "rand_augment": self.rand_augment}
        key = next((key for key, value in anew.items() if value), "")
        if key and self.augmentation and self.augmentation.views:
            raise complain(f"{key} changes images anew in each epoch, views keep what was drawn; name one of them", key)
        if self.tune and self.tune.learning_rate and self.learning_rate != ["auto"]:
            raise complain("the rate is tuned; leave it out here, or out of tune", "learning_rate")
        mixing = next((key for key in ("mixup", "cutmix") if anew[key]), "")
        if mixing and self.class_weight:
            raise complain(
                f"{mixing} makes images of two classes, which have no one class_weight; name one of them", mixing
            )
        return self


class TimingSection(Section):
    """How step times are taken; numbers override those of the protocol, `custom` has none of its own."""

    protocol: Annotated[str, BeforeValidator(one_of(*PROTOCOLS, CUSTOM, NO_TIMING, label="protocol"))] = "quick"
    batch_size: Annotated[list[Count], Listed] = [32]
    warmup: Annotated[int | None, BeforeValidator(lambda v: v if v is None else whole(0, 1000)(v))] = None
    iterations: Annotated[int | None, BeforeValidator(lambda v: v if v is None else whole(1, 100_000)(v))] = None
    seconds: Annotated[float | None, BeforeValidator(lambda v: v if v is None else number(0, 3600)(v))] = None
    max_seconds: Positive | None = None

    @model_validator(mode="after")
    def _complete(self) -> "TimingSection":
        numbers = {"warmup": self.warmup, "iterations": self.iterations, "seconds": self.seconds}
        missing = [key for key, value in numbers.items() if value is None]
        if self.protocol == CUSTOM and missing:
            raise complain(f"protocol custom needs {', '.join(missing)} as well", "protocol")
        if self.max_seconds is not None and self.seconds is not None and self.max_seconds < self.seconds:
            raise complain(f"max_seconds {self.max_seconds:g} is less than seconds {self.seconds:g}", "max_seconds")
        return self


class FallbackSection(Section):
    """Which stand-ins are allowed."""

    datasets: Annotated[Literal["synthetic"] | None, BeforeValidator(one_of("synthetic", label="fallback"))] = None
    weights: Annotated[Literal["random"] | None, BeforeValidator(one_of("random", label="fallback"))] = None


class GateItem(Section):
    """Other gates for some cells: patterns, which are those of `--select`, and a share for each kind of gate."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Share] = Field(init=False)

    backbone: Text | None = None
    dataset: Text | None = None
    strategy: Text | None = None
    head: Text | None = None
    id: Text | None = None

    @classmethod
    def known_keys(cls) -> list[str]:
        """Patterns and kinds of gates."""
        return [*cls.model_fields, *gate_kinds()]

    @model_validator(mode="after")
    def _whole(self) -> "GateItem":
        gates = self.model_extra or {}
        if not gates or not self.model_fields_set - gates.keys():
            patterns, kinds = ", ".join(GateItem.model_fields), ", ".join(gate_kinds())
            raise complain(f"name a pattern ({patterns}) and a gate ({kinds})")
        return self


class GatesSection(Section):
    """The changes that matter, a share for each kind of gate. The last of `cells` that fits a cell counts."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Share] = Field(init=False)

    cells: list[GateItem] = []

    @classmethod
    def known_keys(cls) -> list[str]:
        """Kinds of gates, and `cells`."""
        return [*gate_kinds(), *cls.model_fields]

    def value(self) -> Gates:
        """As comparisons take them."""
        return Gates.model_validate(self.model_dump())


class PatchSection(Section):
    """A cell beside the matrix, or cells to take out of it: what is not named is the suite's first, or any."""

    backbone: Backbones | None = None
    dataset: Text | None = None
    strategy: Strategy | None = None
    head: HeadItem | None = None
    image_size: Size | None = None
    seed: Seed | None = None

    @model_validator(mode="after")
    def _something(self) -> "PatchSection":
        if not self.model_fields_set:
            raise complain("name at least one of backbone, dataset, strategy, head, image_size, seed")
        return self


class SuiteFile(Section):
    """A suite."""

    name: FileName
    description: Text = ""
    backend: BackendName = "tensorflow"
    datasets: Annotated[list[Dataset], Listed]
    backbones: Annotated[list[Backbones], Listed]
    strategies: Annotated[list[Strategy], Listed]
    heads: Annotated[list[HeadItem], Listed] = [Head()]
    image_size: Annotated[list[Size], Listed] = ["native"]
    limit: Annotated[list[LimitSection], Listed] = [LimitSection()]
    train: TrainSection | None = None
    seeds: Annotated[list[Seed], BeforeValidator(_seeds)] = [0]
    precision: Annotated[list[Precision], Listed] = ["float32"]
    jit: JitMode = "auto"
    timing: TimingSection = TimingSection()
    fallback: FallbackSection = FallbackSection()
    include: list[PatchSection] = []
    exclude: list[PatchSection] = []
    gates: GatesSection = GatesSection()
    timeout: Positive = 3600.0
    memory: MemorySize | None = None

    def limits(self) -> list[Limit]:
        """How many images a class each point of the matrix takes."""
        return [limit for section in self.limit for limit in section.values()]
