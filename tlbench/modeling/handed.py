"""What the fixed part of a model hands to the part that is trained. A plain value: no framework."""

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Handed:
    """One tensor.

    place: where it is made, as the number of an operation of the backbone and the layers after it, with their settings
    and the state of their code; names that Keras numbers anew in each process are not in it. shape: of one image.
    dtype: as it is stored.
    """

    place: str
    shape: tuple[int, ...]
    dtype: str

    @property
    def bytes(self) -> int:
        """Bytes for one image."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize
