"""Convert grey values of more than 8 bits to levels from 0 to 255. Pure."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

WHOLE_RANGES = (255, 65535, 2**31 - 1)
"""Candidates for the value of white: in images of integers, and in images of floating-point numbers."""
FLOAT_RANGES = (1, 255, 65535)
DARKEST = 16
"""An image without a level of at least this would be practically black: its values were probably stored in another
range.
"""


class NoRangeError(Exception):
    """The value of white cannot be determined. The message is a clause for the user."""


def to_levels(values: NDArray[Any], bits: int | None = None) -> NDArray[np.uint8]:
    """Scale grey values (height, width) to levels, truncated as Keras does with 16-bit images.

    Args:
        values: the grey values.
        bits: 16 if white is 65535; None: white is the smallest usual maximum that is not exceeded: 255, 65535 or 2^31 -
            1 for integers; 1, 255 or 65535 for floating-point numbers.

    Returns:
        Levels, uint8 of shape (height, width).

    Raises:
        NoRangeError: values are negative or not finite, exceed every usual maximum, or would be practically black.
    """
    low, high = float(values.min()), float(values.max())
    if not np.isfinite([low, high]).all() or np.isnan(values).any():
        raise NoRangeError("some of its values are not finite")
    if low < 0:
        raise NoRangeError(f"its values range from {low:g} to {high:g}, so white is unknown; save it with 8 bits")
    ranges = (65535,) if bits == 16 else WHOLE_RANGES if values.dtype.kind in "iu" else FLOAT_RANGES
    white = next((one for one in ranges if high <= one), None)
    if white is None:
        raise NoRangeError(f"its values go up to {high:g}, so white is unknown; save it with 8 bits")
    levels = values.astype(np.float64) * 255 / white
    if high > 0 and levels.max() < DARKEST:
        raise NoRangeError(f"its values go up to {high:g} of {white}, practically black; save it with 8 bits")
    return levels.astype(np.uint8)
