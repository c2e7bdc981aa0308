"""Spreads of a few values made surer by what is known of others, and differences that rest on them. Pure.

Two or three values say next to nothing of their own spread. The spreads of a suite's other cells, or one measured on
identical code, say where it probably lies: a cell's variance is shrunk towards that, and the t-test gains the degrees
of freedom that stand behind it.
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
    """A variance, and the degrees of freedom it is known with: 0 where nothing is known.

    Raises ValueError where either is not finite, or less than 0.
    """

    variance: float
    freedom: float

    def __post_init__(self) -> None:
        if not (0 <= self.variance < math.inf and 0 <= self.freedom < math.inf):
            raise ValueError(f"{self.variance} with {self.freedom} degrees of freedom is no variance")


def spread(values: Sequence[float] | Numbers) -> Spread:
    """Variance of `values` (n,) about their mean, with n - 1 degrees of freedom. Raises ValueError without values."""
    array = finite(values)
    if not len(array):
        raise ValueError("no values, no spread")
    apart = array - array[0]  # equal values have a variance of 0, not one of rounding
    apart = apart - apart.mean()
    return Spread(float(apart @ apart) / max(1, len(array) - 1), len(array) - 1.0)


def together(spreads: Sequence[Spread]) -> Spread:
    """One spread of several that estimate the same variance: their mean, weighted by degrees of freedom."""
    freedom = sum(each.freedom for each in spreads)
    if freedom == 0:
        return Spread(0.0, 0.0)
    return Spread(sum(each.variance * each.freedom for each in spreads) / freedom, freedom)


def common(spreads: Sequence[Spread]) -> Spread:
    """Where the variance of another cell like these probably lies: the prior of Smyth's section 6.2, by moments.

    It has few degrees of freedom where the variances differ much, and many where they differ no more than chance makes
    them. How much they differ is taken one standard error above its estimate: a prior that is surer than it may be
    makes false alarms of the cells that vary most. Variances of 0 (nothing varied) have no logarithm and are left out;
    nothing is known from fewer than two.
    """
    from scipy import special  # loaded where it is called: a sixth of a second, which a plan does not need

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
    """`own` with what `prior` knows: the posterior mean of the variance (Smyth's equation for s-tilde squared)."""
    return together([own, prior])


def of_sum(parts: Sequence[Spread], most: float = math.inf) -> Spread:
    """Variance of a sum of independent numbers, with degrees of freedom after Satterthwaite, `most` at most.

    Nothing is known where a part is not known. Source: F. E. Satterthwaite, An Approximate Distribution of Estimates of
    Variance Components, Biometrics Bulletin 2 (1946), 110-114.
    """
    varying = [part for part in parts if part.variance > 0]
    if any(part.freedom == 0 for part in parts):
        return Spread(0.0, 0.0)
    total = sum(part.variance for part in varying)
    less = sum(part.variance**2 / part.freedom for part in varying)
    return Spread(total, min(total**2 / less if varying else sum(part.freedom for part in parts), most))


def difference(first: float, second: float, of_it: Spread, confidence: float = 0.95) -> Shift:
    """How far `second` lies above `first`, where `of_it` is the variance of that difference: Student's t.

    No interval, and a p-value of 1, where the variance is not known. Raises ValueError where a number is not finite.
    """
    from scipy import special

    finite([first, second, confidence], "means and confidence")
    estimate = float(second - first)
    if of_it.freedom == 0:
        return Shift(estimate, None, None, 1.0)
    if of_it.variance == 0:
        return Shift(estimate, estimate, estimate, 1.0 if estimate == 0 else 0.0)
    error = math.sqrt(of_it.variance)
    half = error * quantile(of_it.freedom, (1 + confidence) / 2)
    p = float(2 * special.stdtr(of_it.freedom, -abs(estimate) / error))
    return Shift(estimate, estimate - half, estimate + half, p)


def _inverse_trigamma(value: float) -> float:
    """X with trigamma(x) = value, by Newton's method on 1 / trigamma, which is nearly a line (Smyth's appendix)."""
    from scipy import special

    x = 0.5 + 1 / value
    for _ in range(50):
        at = float(special.polygamma(1, x))
        step = at * (1 - at / value) / float(special.polygamma(2, x))
        x += step
        if -step / x < 1e-10:
            break
    return x
