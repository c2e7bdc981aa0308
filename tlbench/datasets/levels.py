"""Gray values of more than 8 bits become levels from 0 to 255. Pure."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

WHOLE_RANGES = (255, 65535, 2**31 - 1)
FLOAT_RANGES = (1, 255, 65535)
DARKEST = 16
"""Level below which a whole picture shows nothing: what has no brighter pixel was stored in another range."""


class NoRangeError(Exception):
    """Nobody can say which value is white. The text is a clause for the user."""


def to_levels(values: NDArray[Any], bits: int | None = None) -> NDArray[np.uint8]:
    """Levels (H, W) of gray values (H, W), divided by their range and cut off, as Keras does with 16 bits.

    bits: 16 where white is 65535; None: the smallest range that holds all values, of 8, 16 and 31 bits for whole
    numbers, of 0..1, 0..255 and 0..65535 for others. Raises NoRangeError for values that are negative or not finite,
    and where all of a picture would be black although it is not.
    """
    low, high = float(values.min()), float(values.max())
    if not np.isfinite([low, high]).all() or np.isnan(values).any():
        raise NoRangeError("some of its values are no numbers")
    if low < 0:
        raise NoRangeError(f"its values go from {low:g} to {high:g}, and none is known as white; save it with 8 bits")
    ranges = (65535,) if bits == 16 else WHOLE_RANGES if values.dtype.kind in "iu" else FLOAT_RANGES
    white = next((one for one in ranges if high <= one), None)
    if white is None:
        raise NoRangeError(f"its values go up to {high:g}, and none is known as white; save it with 8 bits")
    levels = values.astype(np.float64) * 255 / white
    if high > 0 and levels.max() < DARKEST:
        raise NoRangeError(f"its values go up to {high:g} of {white}: it would be black; save it with 8 bits")
    return levels.astype(np.uint8)
