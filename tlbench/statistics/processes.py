"""A difference measured in several processes, each of which adds an offset of its own. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tlbench.statistics.finite import Numbers, finite
from tlbench.statistics.moderated import Spread, difference, of_sum, shrunk, spread
from tlbench.statistics.ranks import Shift, signed_rank

FEWEST_PROCESSES = 2
"""One process per side is one draw, from which nothing follows."""


def over_processes(
    processes: Sequence[Sequence[float]], deviation: float, known: Spread, confidence: float = 0.95
) -> Shift:
    """The mean of a difference over all processes there could be, with Student's t.

    Random effects: the center of a process is the difference, plus an offset of the process, plus the noise of its
    rounds. Two to four processes say little of the variance of offsets, so it is moderated by the one of identical
    code. Without it, a process timed for twice as long would seem to tell twice as much.

    Sources: W. G. Cochran, The Combination of Estimates from Different Experiments, Biometrics 10 (1954), 101-129, for
    weights and the variance of the offsets: that of the centers less what their rounds put in; Smyth 2004 (see
    `moderated`) for the moderation. docs/statistics.md reports how often intervals hold the truth.

    Args:
        processes: the differences of the rounds of each process; at least two processes.
        deviation: of the rounds of a process, so that n of them have a variance of deviation^2 / n.
        known: the variance of the offsets of identical code.
        confidence: the confidence of the interval.

    Raises:
        ValueError: there are fewer than two processes, one has no rounds, or a number is not finite.
    """
    if len(processes) < FEWEST_PROCESSES:
        raise ValueError("one process says nothing of the next")
    centers = _centers(processes)
    noise = _noise(processes, deviation)
    offsets = _offsets(centers, noise, known)
    weights = 1 / (offsets.variance + noise)
    weights /= weights.sum()
    parts = [
        Spread(float(weights**2 @ np.full(len(centers), offsets.variance)), offsets.freedom),
        Spread(float(weights**2 @ noise), float(sum(map(len, processes)) - len(centers))),
    ]
    return difference(0.0, float(weights @ centers), of_sum(parts), confidence)


@dataclass(frozen=True)
class Further:
    """The rounds to take in one more process.

    Attributes:
        rounds: how many. Beyond those that bring their own variance down to a quarter of what a process adds, another
            process says more.
        enough: whether the mean over all processes then has the wanted variance.
    """

    rounds: float
    enough: bool


def next_process(processes: Sequence[Sequence[float]], deviation: float, known: Spread, variance: float) -> Further:
    """What one more process has to measure so that the mean over all processes has a given variance.

    Args:
        processes: the differences of the rounds of each process; at least one process.
        deviation: as in `over_processes`.
        known: as in `over_processes`.
        variance: the wanted variance, above 0.

    Raises:
        ValueError: a number is not finite.
    """
    noise = _noise(processes, deviation)
    offset = _offsets(_centers(processes), noise, known).variance
    missing = float(1 / finite(variance, "the variance") - (1 / (offset + noise)).sum())
    if missing <= 0:
        return Further(0.0, enough=True)
    most, allowed = deviation**2 / (offset / 4) if offset else math.inf, 1 / missing - offset
    needed = deviation**2 / allowed if allowed > 0 else math.inf
    return Further(min(needed, most), enough=needed <= most)


def _centers(processes: Sequence[Sequence[float]]) -> Numbers:
    return np.array([signed_rank(process).estimate for process in processes])


def _noise(processes: Sequence[Sequence[float]], deviation: float) -> Numbers:
    """The variance that rounds give to the center of each process."""
    return np.asarray(finite(deviation, "the deviation") ** 2 / np.array([len(process) for process in processes]))


def _offsets(centers: Numbers, noise: Numbers, known: Spread) -> Spread:
    """The variance of the offsets of processes: that of the centers less what their rounds put in, moderated."""
    seen = spread(centers)
    return shrunk(Spread(max(0.0, seen.variance - float(noise.mean())), seen.freedom), known)
