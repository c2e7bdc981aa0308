"""Right and wrong answers of two sides on the same or on different examples. Pure; each function names its source.

All raise ValueError where a number is not finite.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tlbench.statistics.finite import finite
from tlbench.statistics.intervals import wilson

Z = 1.959963984540054


def paired_interval(differences: Sequence[float] | NDArray[np.floating]) -> tuple[float, float]:
    """95 % interval of the mean of `differences` (n,), each between -1 and 1, of right answers on the same examples.

    Half an example is added to each side of the discordant ones, which keeps the coverage where there are few.
    Source: A. Agresti and Y. Min, Simple improved confidence intervals for comparing matched proportions, Statistics
    in Medicine 24 (2005), 729-740. Raises ValueError without differences.
    """
    values = finite(differences, "differences")
    if not len(values):
        raise ValueError("no examples, no interval")
    count = len(values) + 2
    mean = values.sum() / count
    square = ((values**2).sum() + 1) / count
    half = Z * math.sqrt(max(0.0, square - mean * mean) / count)
    return max(-1.0, mean - half), min(1.0, mean + half)


def two_proportions(first: tuple[int, int], second: tuple[int, int]) -> tuple[float, float, float]:
    """Interval (low, high) of the second proportion less the first, and the two-sided p-value that they are equal.

    Each is (successes, trials) of independent examples. Source: R. G. Newcombe, Statistics in Medicine 17 (1998),
    873-890, method 10 (interval of Wilson's intervals); the pooled score test of two proportions, equal to
    statsmodels' proportions_ztest. Raises ValueError where a count is no proportion.
    """
    (one, trials), (two, others) = first, second
    low_1, high_1 = wilson(one, trials)
    low_2, high_2 = wilson(two, others)
    share_1, share_2 = one / trials, two / others
    difference = share_2 - share_1
    low = difference - math.hypot(share_2 - low_2, high_1 - share_1)
    high = difference + math.hypot(high_2 - share_2, share_1 - low_1)
    pooled = (one + two) / (trials + others)
    deviation = math.sqrt(pooled * (1 - pooled) * (1 / trials + 1 / others))
    p = 1.0 if deviation == 0 else math.erfc(abs(difference) / deviation / math.sqrt(2))
    return low, high, p
