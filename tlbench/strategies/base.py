"""What a fine-tuning strategy is: phases, each with what is fixed, how the rest is found, and how fast.

Pure: a strategy sees views of layers, never a model.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from tlbench.core.cell import Head, Shape, Training, Value, Weights

Solver = Literal["linear", "ridge", "nearest_mean", "cosine", "neighbours", "gradient"]
BatchNorm = Literal["inference", "train"]
Tunable = Literal["learning_rate", "l2"]
Only = Literal["all", "norm", "bias", "lora"]

HEAD_RATE = 3e-3
"""Adam's rate for a head on a frozen backbone, where it is trained by gradient steps; docs/strategies.md."""


@dataclass(frozen=True)
class LayerView:
    """A layer of a backbone as a strategy sees it.

    kind: the class of the layer in Keras. block: the name of the block it belongs to (`modeling/blocks.py`); layers of
    a block follow one another. parameters: how many weights it has, moving statistics included. operations: how many of
    the backbone's operations end with it: itself, and those before it that are no layers (``keras.ops.reshape``).
    """

    name: str
    kind: str
    block: str
    parameters: int
    operations: int = 1

    @property
    def has_weights(self) -> bool:
        """Whether there is something in it that could be trained."""
        return self.parameters > 0


class Part(Value):
    """What of a backbone is trained.

    frozen: so many of its first layers are fixed functions. until: so are those from this one on; None: none are.
    only: of the layers between, ``all`` that they were built to train, or the scale and offset of normalisation
    (``norm``), offsets of any layer (``bias``), or factors of rank `rank` that are added to their kernels (``lora``).
    """

    frozen: int
    until: int | None = None
    only: Only = "all"
    rank: int | None = None


class Phase(Part):
    """One phase of a training.

    frozen, until, only, rank: what of the backbone is trained, as `Part`. solver: how what is left is found;
    ``gradient`` takes steps, the others solve a head on the features of the frozen backbone. Of a gradient phase:
    epochs; learning_rate; head_rate: the head's, where it has its own; multiples: of the learning rate, one for each
    of the backbone's layers (empty: 1); warmup: share of the steps in which rates rise from 0; schedule: how they fall
    after that; batch_norm: whether BatchNormalization above the boundary keeps its statistics (``inference``) or uses
    the batch's;
    momentum: of the moving statistics then (None: the constructor's);
    keep_best: at the end the model has the weights of the best epoch by validation, those it began with included if
    keep_start.
    What happens in the space of weights, where a strategy asks for it: pull, shrink: penalties on the distance of the
    backbone from where it started and on the head's weights; ema: decay of averages over the steps, which are what is
    looked at and kept; soup: so many of the best epochs are averaged, one by one, if that is no worse; shares: of the
    way from the weights it began with, of which validation chooses one. second_head: weight of the loss of the
    backbone's original classifier, which is trained along and then left out; 0: there is none. auxiliary: likewise of
    the loss of each of its auxiliary classifiers.
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


class Strategy(Value, ABC):
    """A strategy; its fields are the arguments a suite may give it."""

    summary: ClassVar[str]
    weights: ClassVar[Weights] = "imagenet"
    trains: ClassVar[bool] = True
    keeps_classifier: ClassVar[bool] = False
    """Whether training needs the backbone's original classifier, whose weights are in a file of their own."""
    adapts: ClassVar[bool] = False
    """Whether its part has a rank: factors beside kernels, of which the trained model has none."""
    adam_rate: ClassVar[float]
    """Learning rate for Adam at batch size 32; docs/strategies.md has the validation sweep it comes from."""

    @abstractmethod
    def boundary(self, layers: Sequence[LayerView]) -> int:
        """How many of the backbone's first layers are frozen in the last phase.

        Raises ValueError, with one sentence for the user, where the arguments do not fit the backbone.
        """

    def part(self, layers: Sequence[LayerView]) -> Part:
        """What is trained in the phase that trains most, which is the last in all but a few. Raises as `boundary`."""
        return Part(frozen=self.boundary(layers))

    def phases(self, layers: Sequence[LayerView], train: Training, head: Head) -> tuple[Phase, ...]:
        """First the head on the frozen backbone, then the layers above the boundary with it, at a low rate.

        What Keras' transfer learning guide does, and what A. Kumar et al. (Fine-Tuning can Distort Pretrained Features
        and Underperform Out-of-Distribution, ICLR 2022) call LP-FT. Raises ValueError as `boundary`.
        """
        first, boundary = head_phase(len(layers), train, head), self.boundary(layers)
        return (first,) if boundary == len(layers) else (first, fine_tuning(self.part(layers), train))

    def check(self, head: Head, train: Training | None) -> None:
        """Raises ValueError, with one sentence for the user, for a head or a training it cannot go with.

        train: None where nothing is trained, and the model is only looked at.
        """
        del head, train

    @property
    def has_classifier(self) -> bool:
        """Whether the head ends in a layer that gives class probabilities."""
        return True

    @property
    def needs_auxiliary(self) -> bool:
        """Whether training needs the auxiliary classifiers that few backbones have."""
        return False

    def tunable(self, head: Head, train: Training) -> frozenset[Tunable]:
        """The settings that a search may vary."""
        del train
        return frozenset({"learning_rate", "l2"} if is_linear(head) else {"learning_rate"})

    def structure(self, train: Training) -> tuple[float, ...]:
        """Settings of `train`, besides optimizer and batches, that the number of phases or ratios of rates depend on.

        Cells that differ in them cannot go through one traced model.
        """
        del train
        return ()

    def solved(self, head: Head, train: Training) -> bool:
        """Whether no gradient step is taken, so that there is neither a learning rate nor luck of training."""
        del head, train
        return False

    def learning_rate(self, optimizer: str) -> float:
        """The rate that `learning_rate: auto` stands for. Raises KeyError for an unknown optimizer."""
        return self.adam_rate * RELATIVE_TO_ADAM[optimizer]


def as_asked(phases: Sequence[Phase], train: Training) -> tuple[Phase, ...]:
    """The phases of a training, those of steps with the schedule and the warm-up that `train` asks for.

    Labels in parts make probabilities less sure, and a loss on whole ones larger: a head that was solved, without them,
    would win over all that come later. So its weights are then not to be kept by the phase that begins with them; those
    of a phase of steps had such labels as well.
    """
    asked = {"schedule": train.schedule, "warmup": train.warmup}
    changed = {name: value for name, value in asked.items() if value is not None}
    found = list[Phase]()
    for phase in phases:
        if phase.solver == "gradient":
            solved = bool(found) and found[-1].solver != "gradient"
            phase = phase.model_copy(update={**changed, "keep_start": not (solved and train.soft_labels)})
        found.append(phase)
    return tuple(found)


def is_linear(head: Head) -> bool:
    """Whether a head is one Dense layer on fixed features, which is solved rather than trained."""
    return not head.hidden and not head.dropout


def head_phase(layers: int, train: Training, head: Head) -> Phase:
    """The head alone: solved where it is linear, else trained by gradient steps."""
    if is_linear(head):
        return Phase(name="head", frozen=layers, solver="linear")
    rate = HEAD_RATE * RELATIVE_TO_ADAM[train.optimizer]
    return Phase(name="head", frozen=layers, solver="gradient", epochs=train.epochs, learning_rate=rate)


def fine_tuning(part: Part, train: Training) -> Phase:
    """Some layers of the backbone and the head, from a head that fits already."""
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
    """The index of the first layer of each block that has weights, in order."""
    starts = [number for number, one in enumerate(layers) if number == 0 or one.block != layers[number - 1].block]
    ends = [*starts[1:], len(layers)]
    return [
        start for start, end in zip(starts, ends, strict=True) if any(layer.has_weights for layer in layers[start:end])
    ]


def group_starts(layers: Sequence[LayerView], groups: int) -> list[int]:
    """The first layers of `groups` groups of neighbouring blocks, as equal in number as can be, larger ones on top.

    Raises ValueError, with one sentence for the user, where there are fewer blocks.
    """
    starts = block_starts(layers)
    if groups > len(starts):
        raise ValueError(f"the backbone's {len(starts)} blocks cannot be {groups} groups")
    return [0, *(starts[len(starts) * number // groups] for number in range(1, groups))]


WARMUP = 0.1
"""Share of the steps: Adam's first steps, while its averages are young, are its largest."""

RELATIVE_TO_ADAM = {"adam": 1.0, "adamw": 1.0, "nadam": 1.0, "rmsprop": 0.3, "sgd": 10.0}
"""Default rates of the optimizers a suite may name, as multiples of Adam's.

SGD's step is the gradient itself, Adam's is normalised by its size: SGD needs the larger number. RMSprop
normalises too but starts without Adam's bias correction, so its first steps are larger.
"""
