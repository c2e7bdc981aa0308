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


def fisher(first: tuple[int, int], second: tuple[int, int]) -> float:
    """The two-sided p-value of Fisher's exact test that two independent proportions are equal: twice the smaller tail.

    Sources: R. A. Fisher, The Logic of Inductive Inference, Journal of the Royal Statistical Society 98 (1935), 39-82;
    M. P. Fay, Confidence Intervals that Match Fisher's Exact or Blaker's Exact Tests, Biostatistics 11 (2010), 373-374,
    for the doubled tail, half of which is the one-sided p-value.

    Args:
        first: successes and trials.
        second: successes and trials.

    Raises:
        ValueError: the counts are no proportion.
    """
    finite([*first, *second], "counts")
    (one, trials), (two, others) = first, second
    if not (0 <= one <= trials and 0 <= two <= others):
        raise ValueError(f"{one} of {trials} and {two} of {others} are no proportions")
    right = one + two
    of_first = np.arange(max(0, right - others), min(right, trials) + 1)

    chances = np.exp(_ways(trials, of_first) + _ways(others, right - of_first) - _ways(trials + others, right))
    tails = float(chances[of_first <= one].sum()), float(chances[of_first >= one].sum())
    return min(1.0, 2 * min(tails))


def _ways(count: int, chosen: int | NDArray[np.integer]) -> NDArray[np.floating]:
    """The logarithm of the number of ways to choose `chosen` of `count`."""
    from scipy import special  # takes a sixth of a second to import, which a plan does not need

    whole, taken, left = (special.gammaln(np.add(number, 1)) for number in (count, chosen, np.subtract(count, chosen)))
    return np.asarray(whole - taken - left)
