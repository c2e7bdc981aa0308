"""From which size on one curve lies above another, and how surely. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tlbench.statistics.finite import Numbers, finite

DRAWS = 10_000
Z = 1.959963984540054


@dataclass(frozen=True)
class Crossing:
    """The size from which differences stay above 0 up to the largest one, with its 95 % interval.

    A size of 0 stands for one below the smallest that was measured: all differences are above 0. Infinity stands for
    one beyond the largest, where the last difference is not.
    """

    size: float
    low: float
    high: float

    @property
    def unknown(self) -> bool:
        """Whether nothing is excluded: the curves may have crossed before the first size, or do so after the last."""
        return self.low == 0 and math.isinf(self.high)


def crossing(
    sizes: Sequence[float], differences: Sequence[float], intervals: Sequence[tuple[float, float]], seed: int = 0
) -> Crossing:
    """Where `differences`, with their 95 % intervals, at rising `sizes` (n,) come to stay above 0.

    Between two sizes the difference is a line over the logarithm of the size. The interval has the 2.5 and 97.5 %
    quantiles over `DRAWS` draws of all differences, each from the normal distribution that has its interval, as if they
    were independent: those that share test images go up and down together, and cross as surely or more so.
    A parametric bootstrap: B. Efron and R. Tibshirani, An Introduction to the Bootstrap (1993), section 6.5.
    Raises ValueError unless there are two sizes or more, rising and above 0, with as many differences and intervals,
    and where a number is not finite.
    """
    at, seen, ends = finite(sizes, "sizes"), finite(differences, "differences"), finite(intervals, "intervals")
    if len(at) < 2 or at[0] <= 0 or (np.diff(at) <= 0).any() or seen.shape != at.shape or ends.shape != (len(at), 2):
        raise ValueError(f"sizes {at.tolist()} with {len(seen)} differences: two or more, rising, each with its own")
    errors = (ends[:, 1] - ends[:, 0]) / (2 * Z)
    drawn = seen + errors * np.random.default_rng(seed).standard_normal((DRAWS, len(at)))
    low, high = np.quantile(_stays_above(np.log(at), drawn), [0.025, 0.975], method="inverted_cdf")
    return Crossing(float(_stays_above(np.log(at), seen[None])[0]), float(low), float(high))


def _stays_above(logs: Numbers, differences: Numbers) -> Numbers:
    """Sizes (draws,) from which each row of `differences` (draws, n) stays above 0."""
    below = differences <= 0
    last = len(logs) - 1 - np.argmax(below[:, ::-1], axis=1)  # the last size at which it is not above
    before = np.minimum(last, len(logs) - 2)
    rows = np.arange(len(differences))
    left, right = differences[rows, before], differences[rows, before + 1]
    rise = right - left
    share = np.clip(np.divide(-left, rise, out=np.zeros_like(left), where=rise != 0), 0, 1)
    crossed: Numbers = np.exp(logs[before] + share * (logs[before + 1] - logs[before]))
    crossed[last == len(logs) - 1] = np.inf
    crossed[~below.any(axis=1)] = 0.0
    return crossed
