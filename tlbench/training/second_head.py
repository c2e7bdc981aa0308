"""What is trained along with a model, and left out in the end: another head, with labels that follow from its own."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import keras
import numpy as np
from numpy.typing import NDArray

Labels = NDArray[Any]


class Along(Protocol):
    """`model` ends in class probabilities (batch, units), and in the outputs of `head`."""

    @property
    def model(self) -> keras.Model:
        """What is trained."""

    @property
    def head(self) -> keras.Model:
        """What is left out in the end."""

    @property
    def weight(self) -> float:
        """Of the loss of each output of `head`."""

    @property
    def calibration(self) -> float | None:
        """The factor of the predictions that labels follow from, where they do."""

    def restore(self, seed: int) -> None:
        """Give the head the weights it has in the beginning of a training with `seed`."""

    def targets(self, labels: Labels) -> tuple[Labels, ...]:
        """Labels of each of its outputs for those of the model: classes (N,), or parts (N, C), or of class 1 (N, 1)."""

    def losses(self, own: Any) -> list[Any]:
        """The loss of each of its outputs, where the model's is `own`."""


@dataclass(frozen=True)
class SecondHead:
    """Co-Tuning's: an `Along` whose `head` ends in logits (batch, S).

    table: its labels by those of the model (C, S), rows that add up to 1.
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
        """The weights it was given, whatever the seed."""
        del seed
        self.head.set_weights(self._first)

    def targets(self, labels: Labels) -> tuple[Labels, ...]:
        """`labels`, as of its one output."""
        return (self.labels(labels),)

    def losses(self, own: Any) -> list[Any]:
        """Cross-entropy of logits."""
        del own
        return [keras.losses.CategoricalCrossentropy(from_logits=True)]

    def labels(self, labels: Labels) -> NDArray[np.float32]:
        """Its labels (N, S) for those of the model. Of labels in parts they are the same parts of the rows."""
        if labels.ndim == 1:
            return np.asarray(self.table[labels])
        parts = np.concatenate([1 - labels, labels], axis=1) if labels.shape[1] == 1 else labels
        return np.asarray(parts @ self.table, np.float32)


@dataclass(frozen=True)
class AuxiliaryHeads:
    """An `Along` of classifiers of the same classes. draw: makes such a `head` anew."""

    model: keras.Model
    head: keras.Model
    weight: float
    draw: Callable[[], keras.Model]

    @property
    def calibration(self) -> None:
        """Labels are the model's own."""

    def restore(self, seed: int) -> None:
        """Random weights that follow from the seed alone, and are not those of the model's own head."""
        keras.utils.set_random_seed(int(np.random.SeedSequence((seed, 1)).generate_state(1)[0]))
        self.head.set_weights(self.draw().get_weights())

    def targets(self, labels: Labels) -> tuple[Labels, ...]:
        """The model's own, for each."""
        return (labels,) * len(self.head.outputs)

    def losses(self, own: Any) -> list[Any]:
        """The model's own, for each."""
        return [own] * len(self.head.outputs)
