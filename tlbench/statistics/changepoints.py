"""Find change points in series with correlated noise. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from tlbench.statistics.finite import Numbers, finite
from tlbench.statistics.multiple import holm

SHORTEST = 3
"""The smallest number of values between two changes."""
FEWEST = 2 * SHORTEST
CORRELATIONS = (0.0, 0.2, 0.4, 0.6, 0.8)
"""The first-order correlations of the noise that are considered; the level holds up to the largest one."""
SHORTEST_WINDOW, SHORTER = 12, math.sqrt(0.5)
DRAWS, SEED, TAIL = 10_000, 0, 0.01
ALIKE = 1e-9
"""Values that differ by less, relative to the largest, are equal up to rounding."""


@dataclass(frozen=True)
class ChangePoint:
    """A change: the index of the first value after it, and its p-value, adjusted for all series that were searched."""

    index: int
    p: float


def changes_of_all(series: Sequence[Sequence[float]], level: float = 0.01) -> list[list[ChangePoint]]:
    """Find where series stepped to another level.

    The noise is modelled as normal with an unknown first-order correlation between 0 and 0.8. A step at each place is
    fitted by generalized least squares for each correlation, and the likelihood ratio of the best step against the best
    fit without one is compared with its distribution under the least favourable correlation, 0.8. The same is done in
    shorter windows, which find a slow period between two equal ones, and again in the parts beside each change.
    docs/statistics.md reports levels and power for 6 to 60 values.

    If there are only two different values, a step without any noise is infinitely likely, although six tosses of a coin
    form one in 2 of 64 cases. So the p-value is at least that of a permutation test (R. A. Fisher, The Design of
    Experiments, 1935, section 11): of all orders of these values, two are such a step.

    Sources: J. Bai, Least Squares Estimation of a Shift in Linear Processes, Journal of Time Series Analysis 15 (1994),
    453-472, for steps in correlated noise; asv's step detection for the model of AR(1) noise, here with a level instead
    of its ad-hoc penalty; S. Kovacs, P. Buhlmann, H. Li and A. Munk, Seeded Binary Segmentation, Biometrika 110 (2023),
    249-256, for the windows.

    Args:
        series: the series (n,), each in the order of time.
        level: the chance of any false change in all series together (Holm over the series).

    Returns:
        The changes of each series in the order of time; none for series of fewer than `FEWEST` values.

    Raises:
        ValueError: a value is not finite.
    """
    finite(level, "level")
    arrays = [finite(values, "a series") for values in series]
    firsts = [_best_step(array) for array in arrays]
    adjusted = holm([p for _, p in firsts])
    return [
        _divided(array, place, p, level, len(arrays)) if p < level else []
        for array, (place, _), p in zip(arrays, firsts, adjusted, strict=True)
    ]


def _divided(values: Numbers, place: int, p: float, level: float, tests: int) -> list[ChangePoint]:
    """The change at `place`, and changes in the parts beside it that are significant after Bonferroni's correction."""
    changes = [ChangePoint(place, p)]
    parts = [(0, place), (place, len(values))]
    while parts:
        begin, end = parts.pop()
        within, p_within = _best_step(values[begin:end])
        if p_within * tests < level:
            changes.append(ChangePoint(begin + within, p_within * tests))
            parts += [(begin, begin + within), (begin + within, end)]
    return sorted(changes, key=lambda change: change.index)


def _best_step(values: Numbers) -> tuple[int, float]:
    """The place of the clearest step, and its p-value. The whole series and the windows each have half of the level."""
    count = len(values)
    if count < FEWEST or np.ptp(values) <= ALIKE * np.abs(values).max():
        return 0, 1.0
    windows = _windows(count)
    best = (0, 1.0)
    for size, begins in [(count, [0]), *windows.items()]:
        share = 1 if not windows else 2 if size == count else 2 * sum(map(len, windows.values()))
        parts = np.stack([values[begin : begin + size] for begin in begins])
        moving = np.ptp(parts, axis=1) > ALIKE * np.abs(values).max()
        for begin, statistic, place in zip(np.array(begins)[moving], *_likelihood_ratio(parts[moving]), strict=True):
            p = share * max(_null(size).p(float(statistic)), _two_orders(values[begin : begin + size]))
            if p < best[1]:
                best = (int(begin + place), p)
    return best


def _two_orders(values: Numbers) -> float:
    """The chance of one of the two sorted orders, if all orders are equally likely; 0 for more than two values."""
    apart = np.flatnonzero(np.diff(np.sort(values)) > ALIKE * np.abs(values).max())
    return 2 / math.comb(len(values), int(apart[0]) + 1) if len(apart) == 1 else 0.0


@lru_cache(maxsize=256)
def _windows(count: int) -> dict[int, list[int]]:
    """The starts of windows, by size, in a geometric sequence of sizes. Successive windows overlap by at least half."""
    windows = {}
    length = float(SHORTEST_WINDOW)
    while round(length) <= count * SHORTER:
        size = round(length)
        starts = math.ceil(2 * (count - size) / size) + 1
        windows[size] = [int(begin) for begin in np.linspace(0, count - size, starts).round()]
        length /= SHORTER
    return windows


def _likelihood_ratio(series: Numbers) -> tuple[Numbers, NDArray[np.int64]]:
    """For each of `series` (m, n), the log ratio of residual squares without and with a step, and the step's place.

    Residual squares are those of the best correlation, chosen separately with and without a step.
    """
    rows, count = series.shape
    series = series - series.mean(axis=1, keepdims=True)
    flat, stepped = np.full(rows, np.inf), np.full(rows, np.inf)
    place = np.zeros(rows, dtype=np.int64)
    for correlation in CORRELATIONS:
        whiten, steps = _fit(count, correlation)
        residual = series @ whiten.T
        squares = (residual**2).sum(axis=1)
        gain = (residual @ steps) ** 2
        at = gain.argmax(axis=1)
        left = np.maximum(squares - gain[np.arange(rows), at], 1e-15 * squares)
        determinant = (1 - correlation**2) ** (1 / count)  # in the likelihood of n correlated normal values
        flat = np.minimum(flat, squares / determinant)
        better = left / determinant < stepped
        stepped[better] = (left / determinant)[better]
        place[better] = at[better] + SHORTEST
    return np.log(flat / stepped), place


@lru_cache(maxsize=512)
def _fit(count: int, correlation: float) -> tuple[Numbers, Numbers]:
    """The matrix (n, n) that removes correlation and mean from a series, and unit-length steps so transformed."""
    whiten = np.eye(count) - correlation * np.eye(count, k=-1)
    whiten[0, 0] = math.sqrt(1 - correlation**2)
    mean = whiten.sum(axis=1)
    mean /= np.linalg.norm(mean)
    places = np.arange(SHORTEST, count - SHORTEST + 1)
    steps = whiten @ (np.arange(count)[:, None] >= places[None, :]).astype(float)
    steps -= np.outer(mean, mean @ steps)
    return whiten - np.outer(mean, mean @ whiten), steps / np.linalg.norm(steps, axis=0)


@dataclass(frozen=True)
class _Null:
    """The null distribution of the likelihood ratio: sorted draws with an exponential tail, as log F has."""

    drawn: Numbers

    def p(self, statistic: float) -> float:
        """The probability of at least `statistic`; the tail is Hill's (Annals of Statistics 3 (1975), 1163-1174)."""
        tail = self.drawn[-int(TAIL * DRAWS) :]
        if statistic <= tail[0]:
            return float(len(self.drawn) - np.searchsorted(self.drawn, statistic, "left") + 1) / (len(self.drawn) + 1)
        return TAIL * math.exp(-(statistic - float(tail[0])) / float((tail - tail[0]).mean()))


@lru_cache(maxsize=256)
def _null(count: int) -> _Null:
    generator = np.random.default_rng(SEED)
    correlation = CORRELATIONS[-1]
    noise = generator.standard_normal((DRAWS, count))
    for number in range(1, count):
        noise[:, number] = correlation * noise[:, number - 1] + math.sqrt(1 - correlation**2) * noise[:, number]
    return _Null(np.sort(_likelihood_ratio(noise)[0]))
