"""Descriptions of the tensors between the fixed part and the trained part of a model. Needs no framework."""

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Handed:
    """A tensor that crosses a cut.

    Attributes:
        place: where it is made: the number of an operation of the backbone, and the layers after it with their settings
            and a fingerprint of their code. It has no names that Keras numbers differently in each process.
        shape: the shape for one image.
        dtype: the data type in which it is stored.
    """

    place: str
    shape: tuple[int, ...]
    dtype: str

    @property
    def bytes(self) -> int:
        """The size for one image in bytes."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize
