"""Compare proportions of correct answers, on the same or on different examples. Pure; each function names its source.

All raise ValueError if a number is not finite.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tlbench.statistics.finite import finite
from tlbench.statistics.intervals import wilson

Z = 1.959963984540054


def paired_interval(differences: Sequence[float] | NDArray[np.floating]) -> tuple[float, float]:
    """The 95 % interval of a difference of paired proportions.

    Half an example is added to both kinds of discordant ones, which keeps the coverage if there are few. Source: A.
    Agresti and Y. Min, Simple improved confidence intervals for comparing matched proportions, Statistics in Medicine
    24 (2005), 729-740.

    Args:
        differences: for each example (n,) the difference of the answers, between -1 and 1.

    Raises:
        ValueError: there are no differences.
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
    """Compare two independent proportions.

    Sources: R. G. Newcombe, Statistics in Medicine 17 (1998), 873-890, method 10, for the interval, which combines
    Wilson's intervals; the pooled score test for the p-value, equal to statsmodels' proportions_ztest.

    Args:
        first: successes and trials.
        second: successes and trials.

    Returns:
        The ends of the 95 % interval of the second proportion minus the first, and the two-sided p-value of equality.

    Raises:
        ValueError: the counts are no proportion.
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
