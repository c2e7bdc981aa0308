"""The signed-rank test for series whose successive values are correlated. Pure."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tlbench.statistics.finite import Numbers, finite
from tlbench.statistics.ranks import Shift, signed_rank, signed_ranks, widened

CORRELATIONS = tuple(number / 20 for number in range(20))
"""The first-order correlations of successive values that are considered: 0 to 0.95."""
ALIKE = 1e-12
"""The smallest residual variance, relative to the mean square."""


def correlated_signed_rank(series: Sequence[Sequence[float]], confidence: float = 0.95) -> Shift:
    """Wilcoxon's signed-rank test of the values of all series together, where successive ones may be correlated.

    Rounds measured one after the other share slow and fast periods, and fewer of them count as independent. How much
    they correlate is not known exactly from some dozens of rounds. So the test is computed for each correlation and
    averaged, weighted by the likelihood of the correlation: Student's t-test of the mean signed rank by generalized
    least squares. The p-value is at least that of `signed_rank`, and the interval at least as wide.

    An offset of a whole series cannot be told from a difference, except by comparing several series.

    Sources: A. Zellner and G. C. Tiao, Bayesian Analysis of the Regression Model with Autocorrelated Errors, Journal of
    the American Statistical Association 59 (1964), 763-778, for the average over correlations (all equally likely at
    first); W. J. Conover and R. L. Iman, Rank Transformations as a Bridge between Parametric and Nonparametric
    Statistics, The American Statistician 35 (1981), 124-129, for the t-test of signed ranks. docs/statistics.md reports
    levels and power.

    Args:
        series: the series, each in the order of time.
        confidence: the confidence of the interval.

    Raises:
        ValueError: there are no values, or one is not finite.
    """
    arrays = [finite(values, "a series") for values in series if len(values)]
    every = np.concatenate(arrays) if arrays else np.empty(0)
    shift = signed_rank(every.tolist(), confidence)
    ranks = signed_ranks(every)
    if np.ptp(ranks) == 0:
        return shift
    times, p = _averaged(np.split(ranks, np.cumsum([len(one) for one in arrays])[:-1]))
    return replace(widened(shift, max(1.0, times)), p=max(shift.p, p))


def _averaged(series: Sequence[Numbers]) -> tuple[float, float]:
    """How many times larger the variance of the mean is than without correlation, and the p-value of a mean of 0.

    Both are averages over `CORRELATIONS`, weighted by their restricted likelihoods.
    """
    from scipy import special  # takes a sixth of a second to import, which a plan does not need

    mean, variance, likelihood = _fits(series, np.array(CORRELATIONS))
    weights = np.exp(likelihood - likelihood.max())
    weights /= weights.sum()
    p = 2 * special.stdtr(sum(map(len, series)) - 1, -np.abs(mean) / np.sqrt(variance))
    return float(weights @ variance / variance[0]), float(weights @ p)


def _fits(series: Sequence[Numbers], correlations: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """For each correlation (c,), the mean by generalized least squares, its variance, and the log likelihood.

    The first value of a series, times the root of 1 - correlation^2, and each later one minus correlation times the one
    before are independent and of equal variance; sums of these are polynomials of the correlation. The likelihood is
    the restricted one, that of all contrasts between values (D. A. Harville, Biometrika 61 (1974), 383-385).
    """
    first, later = 1 - correlations**2, 1 - correlations
    weight, total, squares = np.zeros((3, len(correlations)))
    for values in series:
        ends = values[0] ** 2 + values[-1] ** 2
        square, product = values @ values, values[1:] @ values[:-1]
        weight += first + (len(values) - 1) * later**2
        total += first * values[0] + later * (values[1:].sum() - correlations * values[:-1].sum())
        squares += square - 2 * correlations * product + correlations**2 * (square - ends)
    mean, freedom = total / weight, sum(map(len, series)) - 1
    left = np.maximum(squares - weight * mean**2, ALIKE * squares)
    likelihood = (len(series) * np.log(first) - np.log(weight) - freedom * np.log(left)) / 2
    return mean, left / freedom / weight, likelihood
