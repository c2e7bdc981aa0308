"""Rank tests with estimates and confidence intervals. Pure functions on numbers; each names its source.

All raise ValueError if a number is not finite.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from tlbench.statistics.finite import Numbers, finite

EXACT_PAIRS = 200
"""Up to this many pairs the null distribution is exact; beyond it is a normal approximation."""
FEW = 8
"""Walsh averages per value that are few enough to be listed and sorted."""


@dataclass(frozen=True)
class Shift:
    """An estimated difference with its confidence interval and the two-sided p-value of no difference.

    `low` and `high` are None if there are too few values for an interval at the confidence level asked for.
    """

    estimate: float
    low: float | None
    high: float | None
    p: float


def signed_rank(differences: Sequence[float], confidence: float = 0.95) -> Shift:
    """Wilcoxon's signed-rank test of differences (n,), which are assumed to be symmetric about their center.

    The estimate of the center is the median of the Walsh averages (Hodges and Lehmann), and the interval inverts the
    test. The p-value is exact up to `EXACT_PAIRS` differences. Ties get mid-ranks, zeros are dropped (Wilcoxon's rule).

    Sources: F. Wilcoxon, Biometrics Bulletin 1 (1945), 80-83; M. Hollander, D. A. Wolfe and E. Chicken, Nonparametric
    Statistical Methods, 3rd ed. (2014), sections 3.1 to 3.3. Equals scipy.stats.wilcoxon if there are no ties.

    Raises:
        ValueError: there are no differences.
    """
    values = finite(differences, "differences")
    finite(confidence, "confidence")
    if not len(values):
        raise ValueError("no differences, no test")
    count = len(values)
    total = count * (count + 1) // 2
    cut = _cut(count, confidence)
    ends = [] if cut is None else [cut, total - cut - 1]
    first, second, *found = _walsh(values, [(total - 1) // 2, total // 2, *ends])
    low, high = found or (None, None)
    return Shift((first + second) / 2, low, high, _signed_rank_p(values[values != 0]))


def _walsh(values: Numbers, ranks: list[int]) -> list[float]:
    """Walsh averages by their ranks, from 0: the averages of all pairs of values, including each with itself.

    If there are many, they are not listed: the range is bisected, counting the averages below, until few are left. Each
    step is O(n log n).
    """
    count = len(values)
    if count <= EXACT_PAIRS:
        averages = np.add.outer(values, values)[np.tri(count, dtype=bool)] / 2
        return [float(one) for one in np.partition(averages, ranks)[ranks]]
    ordered = np.sort(values)
    found = {rank: _halved(ordered, rank) for rank in set(ranks)}
    return [found[rank] for rank in ranks]


def _halved(ordered: Numbers, rank: int) -> float:
    """The Walsh average of one rank. Candidates are averages of value i with values `below[i]` to `upto[i]`."""
    low, high = float(ordered[0]), float(ordered[-1])
    places = np.arange(len(ordered))
    below, upto = places, np.full_like(places, len(ordered))
    while (upto - below).sum() > FEW * len(ordered):
        middle = (low + high) / 2
        if middle in (low, high):  # all candidates are equal
            return high
        split = np.maximum(np.searchsorted(ordered, 2 * middle - ordered, "right"), places)
        if int((split - places).sum()) > rank:
            high, upto = middle, split
        else:
            low, below = middle, split
    left = upto - below
    first = np.repeat(places, left)
    second = np.arange(len(first)) + np.repeat(below - np.cumsum(left) + left, left)
    place = rank - int((below - places).sum())
    return float(np.partition((ordered[first] + ordered[second]) / 2, place)[place])


def signed_ranks(differences: Sequence[float] | Numbers) -> Numbers:
    """The ranks of the absolute `differences` (n,), with their signs. Ties get mid-ranks, zeros stay zero."""
    values = finite(differences, "differences")
    return np.sign(values) * _doubled_ranks(np.abs(values)) / 2


def widened(shift: Shift, times: float) -> Shift:
    """`shift` as if its variance were `times` as large: a wider interval, and a larger p-value."""
    finite([shift.estimate, shift.p, times], "the shift and how often it is counted")
    root = math.sqrt(times)
    low, high = (
        None if end is None else shift.estimate + (end - shift.estimate) * root for end in (shift.low, shift.high)
    )
    z = -NormalDist().inv_cdf(max(shift.p / 2, 1e-300)) / root
    return Shift(shift.estimate, low, high, min(1.0, 2 * NormalDist().cdf(-z)))


@dataclass(frozen=True)
class _Null:
    """A null distribution over integers, symmetric about its mean: exact, or normal if `chances` is None."""

    mean: float
    deviation: float
    chances: Numbers | None

    def two_sided(self, value: float) -> float:
        """The probability of a value at least as far from the mean."""
        far = abs(value - self.mean)
        if self.chances is None:
            return 1.0 if self.deviation == 0 else 2 * NormalDist().cdf(-far / self.deviation)
        away = np.abs(np.arange(len(self.chances)) - self.mean)
        return min(1.0, float(self.chances[away >= far - 1e-9].sum()))


def _signed_rank_p(values: Numbers) -> float:
    if not len(values):
        return 1.0
    ranks = _doubled_ranks(np.abs(values))
    untied = len(np.unique(ranks)) == len(ranks)
    return (_untied_null(len(ranks)) if untied else _signed_rank_null(ranks)).two_sided(float(ranks[values > 0].sum()))


@lru_cache(maxsize=256)
def _untied_null(count: int) -> _Null:
    return _signed_rank_null(2 * np.arange(1, count + 1))


@lru_cache(maxsize=256)
def _cut(count: int, confidence: float) -> int | None:
    return _outside(_untied_null(count), confidence)


def _signed_rank_null(ranks: NDArray[np.int64]) -> _Null:
    """The distribution of the sum of the (doubled) ranks of positive signs, if signs are fair coin tosses."""
    mean, deviation = ranks.sum() / 2, float(np.sqrt((ranks.astype(float) ** 2).sum() / 4))
    if len(ranks) > EXACT_PAIRS:
        return _Null(mean, deviation, None)
    ways = np.zeros(int(ranks.sum()) + 1)
    ways[0], reached = 1.0, 0  # `reached` is the largest sum so far; ascending ranks keep it small
    for rank in sorted(ranks.tolist()):
        ways[rank : reached + rank + 1] += ways[: reached + 1]
        reached += rank
    return _Null(mean, deviation, ways * 0.5 ** len(ranks))


def _outside(null: _Null, confidence: float) -> int | None:
    """The number of ordered Walsh averages below an interval of `confidence`; None if there are too few for one.

    `null` is the distribution of the doubled statistic without ties.
    """
    if null.chances is None:
        far = NormalDist().inv_cdf((1 + confidence) / 2) * null.deviation
        return max(0, int((null.mean - far) // 2) - 1)
    fits = int((np.cumsum(null.chances[::2]) <= (1 - confidence) / 2).sum())
    return fits - 1 if fits else None


def _doubled_ranks(values: Numbers) -> NDArray[np.int64]:
    """Twice the mid-ranks, which are integers."""
    ordered = np.sort(values)
    below, upto = np.searchsorted(ordered, values, "left"), np.searchsorted(ordered, values, "right")
    return (below + upto + 1).astype(np.int64)
