"""The keys under `train` of a suite file. docs/suites.md explains each of them."""

from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, model_validator

from tlbench.core.training import Augmentation, EarlyStopping, Monitor, RandAugment, ReduceLROnPlateau, Shape, Tuning
from tlbench.strategies.base import RELATIVE_TO_ADAM
from tlbench.suite.fields import Count, Flag, Fraction, Listed, NotNegative, Section, complain, number, one_of, whole


def _rate(value: Any) -> Any:
    return value if value == "auto" else number(0, 1000, open_low=True)(value)


def _defaults(value: Any) -> Any:
    """A section, where ``true`` stands for its defaults and ``false`` for none."""
    return {True: {}, False: None}[value] if isinstance(value, bool) else value


Trials = Annotated[list[Annotated[float, BeforeValidator(number(0, 1e6, open_low=True))]], Listed]
Rate = Annotated[float | Literal["auto"], BeforeValidator(_rate)]
Optimizer = Annotated[str, BeforeValidator(one_of(*RELATIVE_TO_ADAM, label="optimizer"))]
ScheduleName = Annotated[Shape, BeforeValidator(one_of(*get_args(Shape), label="schedule"))]
MonitorName = Annotated[Monitor, BeforeValidator(one_of(*get_args(Monitor), label="monitor"))]


class StoppingSection(Section):
    """Arguments of Keras' EarlyStopping."""

    patience: Count = 3
    min_delta: NotNegative = 0.0
    monitor: MonitorName = "val_loss"
    restore_best: Flag = True

    def value(self) -> EarlyStopping:
        """The value for cells."""
        return EarlyStopping(**self.model_dump())


class PlateauSection(Section):
    """Arguments of Keras' ReduceLROnPlateau."""

    factor: Annotated[float, BeforeValidator(number(0, 1, open_low=True, open_high=True))] = 0.2
    patience: Count = 2
    min_lr: NotNegative = 0.0
    monitor: MonitorName = "val_loss"

    def value(self) -> ReduceLROnPlateau:
        """The value for cells."""
        return ReduceLROnPlateau(**self.model_dump())


class AugmentationSection(Section):
    """Random transformations of training images."""

    rotation: Annotated[float, BeforeValidator(number(0, 180))] = 0.0
    shift: Fraction = 0.0
    shear: Annotated[float, BeforeValidator(number(0, 45))] = 0.0
    zoom: Fraction = 0.0
    flip: Flag = False
    views: Annotated[int | None, BeforeValidator(lambda v: v if v is None else whole(1, 1000)(v))] = None

    def value(self) -> Augmentation:
        """The value for cells."""
        return Augmentation(**self.model_dump())


class RandAugmentSection(Section):
    """Arguments of RandAugment."""

    operations: Annotated[int, BeforeValidator(whole(1, 14))] = 2
    magnitude: Annotated[float, BeforeValidator(number(0, 10))] = 9.0

    def value(self) -> RandAugment:
        """The value for cells."""
        return RandAugment(**self.model_dump())


class TuneSection(Section):
    """Values to try for every cell, of which the best on the validation split is kept."""

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
        """The value for cells."""
        return Tuning(learning_rate=tuple(self.learning_rate), l2=tuple(self.l2))


class TrainSection(Section):
    """The settings of training. Lists are axes of the matrix."""

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
