"""The one way in for numbers: what is not finite is refused. Pure."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Numbers = NDArray[np.float64]


def finite(values: ArrayLike, what: str = "values") -> Numbers:
    """`values` as an array of floats of the same shape.

    A NaN compares as neither more nor less, so that it would pass every sort, rank and threshold unseen. Raises
    ValueError where a value is NaN or infinite, with its place counted from 1 over all axes.
    """
    array = np.asarray(values, dtype=np.float64)
    check_finite(array, what)
    return array


def check_finite(array: NDArray[np.generic], what: str = "values") -> None:
    """The same for an array that is used as it is: predictions of many classes need no copy of floats."""
    if not np.isfinite(array).all():
        place = int(np.flatnonzero(~np.isfinite(array))[0])
        raise ValueError(f"{what} must be finite, and number {place + 1} of {array.size} is {array.flat[place]}")
