"""Where a series moved: change points by energy statistics. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
SHUFFLES, SEED = 499, 0


@dataclass(frozen=True)
class ChangePoint:
    """`index`: the first value after the change. p: share of shuffled series that divide as well."""

    index: int
    p: float


def change_points(values: Sequence[float], level: float = 0.01, shortest: int = 3) -> list[ChangePoint]:
    """Where the distribution of `values` (n,), in the order of time, changed; in that order.

    The series is divided where its two sides differ most (E-Divisive), each part is divided further, as long as fewer
    than `level` of the shuffled series divide as well. Every part has at least `shortest` values. The shuffles are
    seeded: equal series give equal answers.
    Source: D. S. Matteson and N. A. James, A Nonparametric Approach for Multiple Change Point Analysis of Multivariate
    Data, JASA 109 (2014), 334-345, with exponent 1; used for performance tests by D. Daly et al., The Use of Change
    Point Detection to Identify Software Performance Regressions in a Continuous Integration System, ICPE 2020.
    """
    array, generator = np.asarray(values, dtype=float), np.random.default_rng(SEED)
    found: list[ChangePoint] = []
    parts = [(0, len(array))]
    while parts:
        begin, end = parts.pop()
        part = array[begin:end]
        place, best = _best(part, shortest)
        if place is None:
            continue
        as_good = sum(_best(generator.permutation(part), shortest)[1] >= best - 1e-12 for _ in range(SHUFFLES))
        p = (as_good + 1) / (SHUFFLES + 1)
        if p <= level:
            found.append(ChangePoint(begin + place, p))
            parts += [(begin, begin + place), (begin + place, end)]
    return sorted(found, key=lambda one: one.index)


def _best(part: Numbers, shortest: int) -> tuple[int | None, float]:
    """The place that divides `part` best, and how well; None where it is too short, or all alike."""
    count = len(part)
    if count < 2 * shortest or np.ptp(part) == 0:
        return None, 0.0
    distances = np.abs(part[:, None] - part[None, :])
    sums = np.zeros((count + 1, count + 1))
    sums[1:, 1:] = distances.cumsum(axis=0).cumsum(axis=1)
    places = np.arange(shortest, count - shortest + 1)
    others = count - places
    within_first, all_first = sums[places, places], sums[places, count]
    between = all_first - within_first
    within_second = sums[count, count] - within_first - 2 * between
    energy = 2 * between / (places * others)
    energy -= within_first / (places * (places - 1)) + within_second / (others * (others - 1))
    quality = energy * places * others / count
    place = int(quality.argmax())
    return int(places[place]), float(quality[place])
