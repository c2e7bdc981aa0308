"""Heads that are trained along with a model and removed at the end; their labels follow from the model's."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import keras
import numpy as np
from numpy.typing import NDArray

Labels = NDArray[Any]


class Along(Protocol):
    """Further heads of a model, which have one or more outputs."""

    @property
    def model(self) -> keras.Model:
        """The model to train, with outputs for class probabilities (batch, units), then those of `head`."""

    @property
    def head(self) -> keras.Model:
        """The heads that are removed at the end."""

    @property
    def weight(self) -> float:
        """The weight of the loss of each output of `head`."""

    @property
    def calibration(self) -> float | None:
        """The factor of the logits from which labels were derived, if they were."""

    def restore(self, seed: int) -> None:
        """Reset the heads to their weights at the beginning of a training with `seed`."""

    def targets(self, labels: Labels) -> tuple[Labels, ...]:
        """The labels of each output.

        Args:
            labels: the labels of the model: class indices (N,), or soft labels (N, C) or, for one unit, (N, 1).
        """

    def losses(self, own: Any) -> list[Any]:
        """The loss of each output; `own` is that of the model."""


@dataclass(frozen=True)
class SecondHead:
    """The second head of co-tuning: the original classifier, which ends in logits (batch, S).

    Attributes:
        model: as in `Along`.
        head: as in `Along`.
        table: for each class of the data set, the probabilities of the S original classes (C, S).
        calibration: as in `Along`.
        weight: as in `Along`.
    """

    model: keras.Model
    head: keras.Model
    table: NDArray[np.float32]
    calibration: float
    weight: float
    _first: list[Labels] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_first", self.head.get_weights())

    def restore(self, seed: int) -> None:
        """Reset the head to its pretrained weights; the seed does not matter."""
        del seed
        self.head.set_weights(self._first)

    def targets(self, labels: Labels) -> tuple[Labels, ...]:
        """The labels of its only output."""
        return (self.labels(labels),)

    def losses(self, own: Any) -> list[Any]:
        """The cross-entropy of logits."""
        del own
        return [keras.losses.CategoricalCrossentropy(from_logits=True)]

    def labels(self, labels: Labels) -> NDArray[np.float32]:
        """The head's soft labels (N, S) for labels of the model; soft labels mix rows of the table."""
        if labels.ndim == 1:
            return np.asarray(self.table[labels])
        soft = np.concatenate([1 - labels, labels], axis=1) if labels.shape[1] == 1 else labels
        return np.asarray(soft @ self.table, np.float32)


@dataclass(frozen=True)
class AuxiliaryHeads:
    """The backbone's auxiliary classifiers, for the classes of the model; `draw` builds `head` with new weights."""

    model: keras.Model
    head: keras.Model
    weight: float
    draw: Callable[[], keras.Model]

    @property
    def calibration(self) -> None:
        """None: labels are those of the model."""

    def restore(self, seed: int) -> None:
        """Draw weights that depend only on the seed, and differ from those of the model's head."""
        keras.utils.set_random_seed(int(np.random.SeedSequence((seed, 1)).generate_state(1)[0]))
        self.head.set_weights(self.draw().get_weights())

    def targets(self, labels: Labels) -> tuple[Labels, ...]:
        """The labels of the model, for each output."""
        return (labels,) * len(self.head.outputs)

    def losses(self, own: Any) -> list[Any]:
        """The loss of the model, for each output."""
        return [own] * len(self.head.outputs)
