"""The interface of fine-tuning strategies: a strategy is a sequence of training phases.

A phase says which layers are frozen, how the others are trained, and at which learning rate. Strategies are pure: they
see descriptions of layers, never a model.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from tlbench.core.cell import Head, Weights
from tlbench.core.training import Shape, Training
from tlbench.core.value import Value

Solver = Literal["linear", "ridge", "nearest_mean", "cosine", "neighbours", "gradient"]
BatchNorm = Literal["inference", "train"]
Tunable = Literal["learning_rate", "l2"]
Only = Literal["all", "norm", "bias", "lora"]

HEAD_RATE = 3e-3
"""Adam's learning rate for a head that is trained by gradient steps on a frozen backbone; see docs/strategies.md."""


@dataclass(frozen=True)
class LayerView:
    """A layer of a backbone as a strategy sees it.

    Attributes:
        name: the layer's name.
        kind: the name of its Keras class.
        block: the name of its block (`modeling/blocks.py`); the layers of a block are consecutive.
        parameters: the number of its weights, including moving statistics.
        operations: 1 for the layer itself, plus the operations between it and the previous layer that are not layers
            (``keras.ops.reshape``).
    """

    name: str
    kind: str
    block: str
    parameters: int
    operations: int = 1

    @property
    def has_weights(self) -> bool:
        """Whether the layer has any weights."""
        return self.parameters > 0


class Part(Value):
    """The part of a backbone that is trained: layers `frozen` to `until`, and the weights in them that `only` names.

    Attributes:
        frozen: how many of the first layers are frozen.
        until: the index of the first layer above the part, from which on all layers are frozen; None: there are none.
        only: ``all``: every trainable weight; ``norm``: scale and offset of normalization layers; ``bias``: biases and
            offsets; ``lora``: low-rank factors that are added to kernels.
        rank: the rank of these factors.
    """

    frozen: int
    until: int | None = None
    only: Only = "all"
    rank: int | None = None


class Phase(Part):
    """One phase of training: a part of the backbone, and how it is trained together with the head.

    All attributes but `name` and `solver` are about phases of gradient steps.

    Attributes:
        name: as reports show it.
        solver: ``gradient`` takes steps; all others solve a head on the features of the frozen backbone.
        epochs: the number of epochs.
        learning_rate: the learning rate.
        head_rate: the learning rate of the head; None: the same.
        multiples: a factor on the learning rate for each layer of the backbone; empty: 1 for all.
        warmup: fraction of the steps in which the learning rate rises from 0.
        schedule: how the learning rate falls after that.
        batch_norm: the mode of BatchNormalization in the part that is trained: with its moving statistics
            (``inference``) or with those of each batch (``train``).
        momentum: momentum of the moving statistics in mode ``train``; None: as the backbone was built.
        keep_best: whether to end with the weights of the best epoch on the validation split.
        keep_start: whether the weights from before the phase compete with those of its epochs.
        pull: L2 penalty on the distance of the backbone's weights from their initial values (L2-SP).
        shrink: L2 penalty on the head's weights.
        ema: decay of an exponential moving average of the weights, which is then what is validated and kept; 0: none.
        soup: how many of the best epochs may join an average of their weights (greedy soup); 0: none.
        shares: positions between the weights before the phase (0) and after it (1), of which validation picks one.
        second_head: weight of the loss of the original classifier, which is trained along and then removed; 0: none.
        auxiliary: likewise for each of the backbone's auxiliary classifiers.
    """

    name: str
    solver: Solver
    epochs: int = 0
    learning_rate: float = 0.0
    head_rate: float | None = None
    multiples: tuple[float, ...] = ()
    warmup: float = 0.0
    schedule: Shape = "constant"
    batch_norm: BatchNorm = "inference"
    momentum: float | None = None
    keep_best: bool = False
    keep_start: bool = True
    pull: float = 0.0
    shrink: float = 0.0
    ema: float = 0.0
    soup: int = 0
    shares: tuple[float, ...] = ()
    second_head: float = 0.0
    auxiliary: float = 0.0

    @property
    def has_one_rate(self) -> bool:
        """Whether all steps have the same learning rate, without warm-up or decay."""
        return not self.warmup and self.schedule == "constant"


class Strategy(Value, ABC):
    """Base class of strategies. The fields of a subclass are the arguments that a suite may give it."""

    summary: ClassVar[str]
    """What is trained, in a few words; `tlbench list strategies` shows it."""
    weights: ClassVar[Weights] = "imagenet"
    """Initial weights of the backbone; ``random`` overrides those that the suite names."""
    trains: ClassVar[bool] = True
    """Whether anything is trained; False only for original classifiers."""
    keeps_classifier: ClassVar[bool] = False
    """Whether training needs the backbone's original classifier, whose weights are in a file of their own."""
    adapts: ClassVar[bool] = False
    """Whether low-rank factors are trained beside kernels; they are merged into them at the end."""
    adam_rate: ClassVar[float]
    """Adam's learning rate at batch size 32; docs/strategies.md has the sweep on validation data it comes from."""

    @abstractmethod
    def boundary(self, layers: Sequence[LayerView]) -> int:
        """How many of the backbone's first layers are frozen in the last phase.

        Args:
            layers: all layers of the backbone, from the input up.

        Raises:
            ValueError: the strategy's arguments do not fit the backbone; the message is one sentence for the user.
        """

    def part(self, layers: Sequence[LayerView]) -> Part:
        """The part of the backbone trained in the phase that trains most, usually the last. Raises as `boundary`."""
        return Part(frozen=self.boundary(layers))

    def phases(self, layers: Sequence[LayerView], train: Training, head: Head) -> tuple[Phase, ...]:
        """The phases of training, in order.

        By default first the head on the frozen backbone, then the layers above the boundary together with the head, at
        a low learning rate. This is what Keras' guide to transfer learning does, and what A. Kumar et al. (Fine-Tuning
        can Distort Pretrained Features and Underperform Out-of-Distribution, ICLR 2022) call LP-FT.

        Raises:
            ValueError: as `boundary`.
        """
        first, boundary = head_phase(len(layers), train, head), self.boundary(layers)
        return (first,) if boundary == len(layers) else (first, fine_tuning(self.part(layers), train))

    def check(self, head: Head, train: Training | None) -> None:
        """Check that the strategy works with this head and these settings.

        Args:
            head: the head.
            train: the settings of training; None where a model is only inspected.

        Raises:
            ValueError: it does not; the message is one sentence for the user.
        """
        del head, train

    @property
    def has_classifier(self) -> bool:
        """Whether the head ends in a layer of class probabilities."""
        return True

    @property
    def needs_auxiliary(self) -> bool:
        """Whether training uses the auxiliary classifiers that a few backbones have."""
        return False

    def tunable(self, head: Head, train: Training) -> frozenset[Tunable]:
        """The settings that a grid search may vary."""
        del train
        return frozenset({"learning_rate", "l2"} if is_linear(head) else {"learning_rate"})

    def structure(self, train: Training) -> tuple[float, ...]:
        """Settings, besides optimizer and batch size, on which the number of phases or ratios of rates depend.

        Cells that differ in them cannot share one traced model.
        """
        del train
        return ()

    def solved(self, head: Head, train: Training) -> bool:
        """Whether training takes no gradient steps, so that it depends on neither learning rate nor seed."""
        del head, train
        return False

    def learning_rate(self, optimizer: str) -> float:
        """The learning rate that ``auto`` stands for. Raises KeyError for an unknown optimizer."""
        return self.adam_rate * RELATIVE_TO_ADAM[optimizer]


def as_asked(phases: Sequence[Phase], train: Training) -> tuple[Phase, ...]:
    """The phases with the schedule and the warm-up that `train` asks for in place of the strategy's.

    Soft labels (label smoothing, mixup, CutMix) make a model less confident, which raises its validation loss on hard
    labels. A head that was solved on hard labels would then beat every epoch of fine-tuning on soft ones, so it does
    not compete (`keep_start`). A head that was trained by gradient steps had soft labels too, and does.
    """
    settings = {"schedule": train.schedule, "warmup": train.warmup}
    overrides = {name: value for name, value in settings.items() if value is not None}
    result = list[Phase]()
    for phase in phases:
        if phase.solver == "gradient":
            from_solved_head = bool(result) and result[-1].solver != "gradient"
            keep_start = not (from_solved_head and train.soft_labels)
            phase = phase.model_copy(update={**overrides, "keep_start": keep_start})
        result.append(phase)
    return tuple(result)


def is_linear(head: Head) -> bool:
    """Whether a head is a single Dense layer without dropout: a convex problem, which can be solved."""
    return not head.hidden and not head.dropout


def head_phase(layers: int, train: Training, head: Head) -> Phase:
    """The phase that fits the head alone: solved where it is linear, else trained by gradient steps."""
    if is_linear(head):
        return Phase(name="head", frozen=layers, solver="linear")
    rate = HEAD_RATE * RELATIVE_TO_ADAM[train.optimizer]
    return Phase(name="head", frozen=layers, solver="gradient", epochs=train.epochs, learning_rate=rate)


def fine_tuning(part: Part, train: Training) -> Phase:
    """The phase that trains `part` of the backbone together with a head that was fitted before."""
    return Phase(
        **part.model_dump(include=set(Part.model_fields)),
        name="fine-tuning",
        solver="gradient",
        epochs=train.epochs,
        learning_rate=train.learning_rate,
        warmup=0.0 if train.reduce_lr else WARMUP,
        schedule="constant" if train.reduce_lr else "cosine",
        keep_best=train.early_stopping is None or train.early_stopping.restore_best,
    )


def block_starts(layers: Sequence[LayerView]) -> list[int]:
    """The indices of the first layers of those blocks that have weights, in order."""
    starts = [number for number, one in enumerate(layers) if number == 0 or one.block != layers[number - 1].block]
    ends = [*starts[1:], len(layers)]
    return [
        start for start, end in zip(starts, ends, strict=True) if any(layer.has_weights for layer in layers[start:end])
    ]


def group_starts(layers: Sequence[LayerView], groups: int) -> list[int]:
    """The indices of the first layers of `groups` groups of consecutive blocks.

    Groups have the same number of blocks, or differ by one with the larger groups further up.

    Raises:
        ValueError: there are fewer blocks than groups; the message is one sentence for the user.
    """
    starts = block_starts(layers)
    if groups > len(starts):
        raise ValueError(f"the backbone's {len(starts)} blocks cannot be {groups} groups")
    return [0, *(starts[len(starts) * number // groups] for number in range(1, groups))]


WARMUP = 0.1
"""Fraction of the steps of fine-tuning that warm up: Adam's first steps, on immature averages, are its largest."""

RELATIVE_TO_ADAM = {"adam": 1.0, "adamw": 1.0, "nadam": 1.0, "rmsprop": 0.3, "sgd": 10.0}
"""Default learning rates of the optimizers that a suite may name, as multiples of Adam's.

SGD steps by the gradient itself, Adam by the gradient normalized by its magnitude, so SGD needs a larger rate. RMSprop
normalizes too, but without Adam's bias correction its first steps are larger, so it needs a smaller one.
"""
