"""Settings of training, as a cell holds them.

They are part of the cell's id: fields that a later release adds belong in `LATER`.
"""

from typing import ClassVar, Literal

from tlbench.core.value import Grown, Value

Shape = Literal["constant", "cosine", "linear", "step"]
"""Shapes of a learning-rate schedule."""
Monitor = Literal["val_loss", "val_accuracy"]
"""Validation metrics by which an epoch is judged."""


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
