"""Estimate from which size on one learning curve lies above another, with a confidence interval. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tlbench.statistics.finite import Numbers, finite

DRAWS = 10_000
Z = 1.959963984540054


@dataclass(frozen=True)
class Crossing:
    """The size from which on differences stay above 0, with its 95 % interval.

    0 stands for a size below the smallest measured one (all differences are above 0), infinity for a size beyond the
    largest (the last difference is not above 0).
    """

    size: float
    low: float
    high: float

    @property
    def unknown(self) -> bool:
        """Whether the interval excludes nothing: from below the first size to beyond the last."""
        return self.low == 0 and math.isinf(self.high)


def crossing(
    sizes: Sequence[float], differences: Sequence[float], intervals: Sequence[tuple[float, float]], seed: int = 0
) -> Crossing:
    """Where differences come to stay above 0, interpolated linearly over the logarithm of the size.

    The interval is a parametric bootstrap (B. Efron and R. Tibshirani, An Introduction to the Bootstrap, 1993, section
    6.5): 2.5 and 97.5 % quantiles over `DRAWS` draws of all differences from normal distributions with their intervals.
    They are drawn independently, which is conservative: differences that share test images vary together.

    Args:
        sizes: at least two sizes (n,), ascending and above 0.
        differences: the difference at each size.
        intervals: the 95 % interval of each difference.
        seed: the seed of the bootstrap.

    Raises:
        ValueError: the sizes are not as described, the lengths differ, or a number is not finite.
    """
    at, seen, ends = finite(sizes, "sizes"), finite(differences, "differences"), finite(intervals, "intervals")
    if len(at) < 2 or at[0] <= 0 or (np.diff(at) <= 0).any() or seen.shape != at.shape or ends.shape != (len(at), 2):
        raise ValueError(f"sizes {at.tolist()} with {len(seen)} differences: two or more, rising, each with its own")
    errors = (ends[:, 1] - ends[:, 0]) / (2 * Z)
    drawn = seen + errors * np.random.default_rng(seed).standard_normal((DRAWS, len(at)))
    low, high = np.quantile(_stays_above(np.log(at), drawn), [0.025, 0.975], method="inverted_cdf")
    return Crossing(float(_stays_above(np.log(at), seen[None])[0]), float(low), float(high))


def _stays_above(logs: Numbers, differences: Numbers) -> Numbers:
    """The sizes (draws,) from which on the rows of `differences` (draws, n) stay above 0."""
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
