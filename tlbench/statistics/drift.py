"""Measure how much a machine's speed varied, from readings of a fixed workload. Pure."""

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from tlbench.statistics.finite import finite

CENTRAL = 0.8
FEWEST = 6


def drift(readings: Sequence[float]) -> float | None:
    """A robust estimate of the standard deviation of `readings` (seconds), relative to their median.

    It is the range of the central 80 % of the readings, divided by the 2.56 standard deviations that this range spans
    in a normal distribution. Disturbances of up to a tenth of the readings at each end do not change it; a slow period
    of more than a tenth does. Unlike the full range it does not grow with the number of readings, because the
    quantiles are median-unbiased (R. J. Hyndman and Y. Fan, The American Statistician 50 (1996), definition 8).

    Returns:
        The relative standard deviation; None with fewer than `FEWEST` readings.

    Raises:
        ValueError: a reading is not finite, or the median is not positive.
    """
    times = finite(readings, "readings")
    if len(times) < FEWEST:
        return None
    tail = (1 - CENTRAL) / 2
    low, middle, high = np.quantile(times, [tail, 0.5, 1 - tail], method="median_unbiased")
    if middle <= 0:
        raise ValueError(f"readings with a median of {middle}: times are more than 0")
    return float((high - low) / middle / (2 * NormalDist().inv_cdf(1 - tail)))
