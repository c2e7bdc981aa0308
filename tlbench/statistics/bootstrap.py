"""Confidence intervals of step times by a block bootstrap over rounds. Pure.

Steps of a round share the state of the machine (their correlation is 0.5 to 0.9), and so do adjacent rounds to some
degree. Therefore blocks of whole rounds are resampled.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tlbench.statistics.finite import Numbers, finite
from tlbench.statistics.student import quantile

FEWEST = 6
"""The smallest number of rounds for an interval."""
DRAWS, SEED = 2000, 0
Statistic = Literal["median", "mean"]
Rounds = Sequence[Sequence[float]]


@dataclass(frozen=True)
class Interval:
    """A statistic and its confidence interval; low <= estimate <= high."""

    estimate: float
    low: float
    high: float


def over_rounds(rounds: Rounds, statistic: Statistic = "median", confidence: float = 0.95) -> Interval | None:
    """A statistic of all samples, with its confidence interval.

    Circular blocks of n^(1/3) rounds are resampled (D. N. Politis and J. P. Romano, A Circular Block-Resampling
    Procedure for Stationary Data, 1992; for the length: P. Hall, J. L. Horowitz and B.-Y. Jing, Biometrika 82 (1995),
    561-574). The ends are percentiles, expanded to compensate for few blocks (T. C. Hesterberg, What Teachers Should
    Know About the Bootstrap, The American Statistician 69 (2015), 371-386). docs/statistics.md reports its coverage.
    The generator is seeded, so equal samples give equal intervals.

    Args:
        rounds: the samples by round, in the order of time. Rounds may have different numbers of samples; empty ones
            are ignored.
        statistic: the statistic.
        confidence: the confidence level.

    Returns:
        The interval, within the range of the samples; None with fewer than `FEWEST` rounds.

    Raises:
        ValueError: a sample is not finite.
    """
    finite(confidence, "confidence")
    taken = [finite(samples, "samples") for samples in rounds if len(samples)]
    if len(taken) < FEWEST:
        return None
    counts = _drawn(len(taken))
    if statistic == "mean":
        sums, sizes = np.array([samples.sum() for samples in taken]), np.array([len(samples) for samples in taken])
        return _interval(float(sums.sum() / sizes.sum()), counts @ sums / (counts @ sizes), len(taken), confidence)
    samples = np.concatenate(taken)
    order = samples.argsort()
    of_round = np.repeat(np.arange(len(taken)), [len(each) for each in taken])[order]
    return _interval(float(np.median(samples)), _medians(samples[order], counts[:, of_round]), len(taken), confidence)


def ratio(first: Rounds, second: Rounds, confidence: float = 0.95) -> Interval | None:
    """The time of `second` relative to `first` for two steps that took turns, with its confidence interval.

    It is the median over rounds of the ratio of medians, in which the common speed of the machine cancels. The interval
    is `over_rounds` of the logarithms. Rounds in which a step has no samples are ignored.

    Returns:
        The ratio and its interval; None with fewer than `FEWEST` rounds.

    Raises:
        ValueError: a time is not finite and positive, or the numbers of rounds differ.
    """
    if len(first) != len(second):
        raise ValueError(f"{len(first)} and {len(second)} rounds: steps that took turns have as many")
    logs = [
        [_log_median(after) - _log_median(before)]
        for before, after in zip(first, second, strict=True)
        if len(before) and len(after)
    ]
    interval = over_rounds(logs, "median", confidence)
    if interval is None:
        return None
    return Interval(*(math.exp(end) for end in (interval.estimate, interval.low, interval.high)))


def _log_median(samples: Sequence[float]) -> float:
    middle = float(np.median(finite(samples, "samples")))
    if middle <= 0:
        raise ValueError(f"a time of {middle}: times are more than 0")
    return math.log(middle)


def block_length(rounds: int) -> int:
    """The number of rounds in a block."""
    return int(rounds ** (1 / 3) + 1e-9)


@lru_cache(maxsize=64)
def _drawn(rounds: int) -> NDArray[np.float64]:
    """How often each round occurs in each resample, of shape (DRAWS, rounds)."""
    generator, length = np.random.default_rng(SEED), block_length(rounds)
    begins = generator.integers(rounds, size=(DRAWS, math.ceil(rounds / length)))
    places = ((begins[:, :, None] + np.arange(length)) % rounds).reshape(DRAWS, -1)[:, :rounds]
    flat = (np.arange(DRAWS)[:, None] * rounds + places).ravel()
    return np.bincount(flat, minlength=DRAWS * rounds).reshape(DRAWS, rounds).astype(np.float64)


def _medians(ordered: Numbers, counts: NDArray[np.float64]) -> Numbers:
    """For each row of `counts` (m, n), the median of the values `ordered` (n,) repeated that many times."""
    upto = counts.cumsum(axis=1)
    half = upto[:, -1:] / 2
    below = (upto < half).sum(axis=1)
    above = (upto <= half).sum(axis=1)
    middle: Numbers = (ordered[below] + ordered[np.minimum(above, len(ordered) - 1)]) / 2
    return middle


def _interval(estimate: float, drawn: Numbers, rounds: int, confidence: float) -> Interval:
    from scipy import special  # takes a third of a second to import, which a plan does not need

    blocks = rounds / block_length(rounds)
    t = quantile(blocks - 1, (1 + confidence) / 2)
    share = float(special.ndtr(-t * math.sqrt(blocks / (blocks - 1))))
    low, high = np.quantile(drawn, [share, 1 - share])
    return Interval(estimate, min(float(low), estimate), max(float(high), estimate))
