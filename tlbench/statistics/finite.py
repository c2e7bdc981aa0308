"""Validation of numbers: reject NaN and infinity. Pure."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Numbers = NDArray[np.float64]


def finite(values: ArrayLike, what: str = "values") -> Numbers:
    """`values` as an array of floats.

    NaN must be rejected because comparisons with it are always false, so that sorts, ranks and thresholds would
    silently go wrong.

    Raises:
        ValueError: a value is NaN or infinite; the message has its flat index from 1.
    """
    array = np.asarray(values, dtype=np.float64)
    check_finite(array, what)
    return array


def check_finite(array: NDArray[np.generic], what: str = "values") -> None:
    """As `finite`, without converting the array, to save a copy of large ones."""
    if not np.isfinite(array).all():
        place = int(np.flatnonzero(~np.isfinite(array))[0])
        raise ValueError(f"{what} must be finite, and number {place + 1} of {array.size} is {array.flat[place]}")
