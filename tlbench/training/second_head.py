"""A second head that is trained along, on labels that follow from those of the first: Co-Tuning's."""

from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class SecondHead:
    """`model` ends in class probabilities (batch, units) and in the logits (batch, S) of `head`.

    table: labels of the second head by those of the first (C, S), rows that add up to 1. weight: of its loss.
    """

    model: keras.Model
    head: keras.Model
    table: NDArray[np.float32]
    calibration: float
    weight: float
    _first: list[NDArray[Any]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_first", self.head.get_weights())

    def restore(self) -> None:
        """Give the head the weights it had in the beginning."""
        self.head.set_weights(self._first)

    def labels(self, labels: NDArray[Any]) -> NDArray[np.float32]:
        """Labels of the second head (N, S) for those of the first: classes (N,), or parts (N, C), or of class 1 (N, 1).

        Of labels in parts they are the same parts of the rows.
        """
        if labels.ndim == 1:
            return np.asarray(self.table[labels])
        parts = np.concatenate([1 - labels, labels], axis=1) if labels.shape[1] == 1 else labels
        return np.asarray(parts @ self.table, np.float32)
