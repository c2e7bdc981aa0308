"""Moderated t-tests: variances of few values, shrunk towards a prior from other cells. Pure.

Two or three values say almost nothing about their variance. The variances of a suite's other cells, or one measured on
identical code, tell where it probably lies. A cell's variance is shrunk towards that prior, and the t-test gains the
prior's degrees of freedom.

Source: G. K. Smyth, Linear Models and Empirical Bayes Methods for Assessing Differential Expression in Microarray
Experiments, Statistical Applications in Genetics and Molecular Biology 3 (2004), article 3 (the moderated t of limma).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tlbench.statistics.finite import Numbers, finite
from tlbench.statistics.ranks import Shift
from tlbench.statistics.student import quantile


@dataclass(frozen=True)
class Spread:
    """An estimated variance with its degrees of freedom; 0 degrees of freedom: nothing is known.

    Raises:
        ValueError: a number is not finite, or below 0.
    """

    variance: float
    freedom: float

    def __post_init__(self) -> None:
        if not (0 <= self.variance < math.inf and 0 <= self.freedom < math.inf):
            raise ValueError(f"{self.variance} with {self.freedom} degrees of freedom is no variance")


def spread(values: Sequence[float] | Numbers) -> Spread:
    """The sample variance of `values` (n,), with n - 1 degrees of freedom. Raises ValueError without values."""
    array = finite(values)
    if not len(array):
        raise ValueError("no values, no spread")
    centered = array - array[0]  # so that equal values have a variance of exactly 0
    centered = centered - centered.mean()
    return Spread(float(centered @ centered) / max(1, len(array) - 1), len(array) - 1.0)


def together(spreads: Sequence[Spread]) -> Spread:
    """The pooled variance of several estimates of the same variance."""
    freedom = sum(each.freedom for each in spreads)
    if freedom == 0:
        return Spread(0.0, 0.0)
    return Spread(sum(each.variance * each.freedom for each in spreads) / freedom, freedom)


def common(spreads: Sequence[Spread]) -> Spread:
    """The prior for the variance of a cell like these, by the method of moments (Smyth, section 6.2).

    The more the variances differ beyond chance, the fewer degrees of freedom the prior has. Their difference is taken
    one standard error above its estimate, because a prior that is too certain would cause false alarms in the cells
    that vary most. Variances of 0 are ignored, because they have no logarithm.

    Returns:
        The prior; unknown with fewer than two variances.
    """
    from scipy import special  # takes a sixth of a second to import, which a plan does not need

    used = [each for each in spreads if each.freedom > 0 and each.variance > 0]
    if len(used) < 2:
        return Spread(0.0, 0.0)
    half = np.array([each.freedom for each in used]) / 2
    logs = np.log([each.variance for each in used]) - special.digamma(half) + np.log(half)
    seen = float(logs.var(ddof=1))
    error = math.sqrt((float(special.polygamma(3, half).mean()) + 2 * seen**2) / len(used))
    freedom = 2 * _inverse_trigamma(max(0.0, seen - float(special.polygamma(1, half).mean())) + error)
    return Spread(together(used).variance, freedom)


def shrunk(own: Spread, prior: Spread) -> Spread:
    """The posterior variance of `own` given `prior` (s-tilde squared in Smyth)."""
    return together([own, prior])


def of_sum(parts: Sequence[Spread], most: float = math.inf) -> Spread:
    """The variance of a sum of independent numbers, with Satterthwaite's degrees of freedom, but at most `most`.

    Unknown if the variance of a part is. Source: F. E. Satterthwaite, An Approximate Distribution of Estimates of
    Variance Components, Biometrics Bulletin 2 (1946), 110-114.
    """
    varying = [part for part in parts if part.variance > 0]
    if any(part.freedom == 0 for part in parts):
        return Spread(0.0, 0.0)
    total = sum(part.variance for part in varying)
    less = sum(part.variance**2 / part.freedom for part in varying)
    return Spread(total, min(total**2 / less if varying else sum(part.freedom for part in parts), most))


def difference(first: float, second: float, of_it: Spread, confidence: float = 0.95) -> Shift:
    """Student's t-test of the difference `second` - `first`, whose variance is `of_it`.

    If the variance is unknown, there is no interval, and the p-value is 1. So too if it is 0, since values that happen
    to be equal do not show that others would be.

    Raises:
        ValueError: a number is not finite.
    """
    from scipy import special

    finite([first, second, confidence], "means and confidence")
    estimate = float(second - first)
    if of_it.freedom == 0 or of_it.variance == 0:
        return Shift(estimate, None, None, 1.0)
    error = math.sqrt(of_it.variance)
    half = error * quantile(of_it.freedom, (1 + confidence) / 2)
    p = float(2 * special.stdtr(of_it.freedom, -abs(estimate) / error))
    return Shift(estimate, estimate - half, estimate + half, p)


def _inverse_trigamma(value: float) -> float:
    """Solve trigamma(x) = value, by Newton's method on 1 / trigamma, which is nearly linear (Smyth, appendix)."""
    from scipy import special

    x = 0.5 + 1 / value
    for _ in range(50):
        at = float(special.polygamma(1, x))
        step = at * (1 - at / value) / float(special.polygamma(2, x))
        x += step
        if -step / x < 1e-10:
            break
    return x
