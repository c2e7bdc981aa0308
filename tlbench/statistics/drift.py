"""How much a machine's speed varied, from readings of one fixed workload. Pure."""

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from tlbench.statistics.finite import finite

CENTRAL = 0.8
FEWEST = 6


def drift(readings: Sequence[float]) -> float | None:
    """Spread of `readings` (seconds) relative to their median: as a standard deviation; None from fewer than `FEWEST`.

    It is the range of the central 80 % of the readings, over the 2.56 standard deviations that a normal distribution
    has there. Up to a tenth of the readings at each end, single disturbances, leave it as it is; a slow spell of more
    than a tenth of the time shows. Unlike the range from the least to the most, it does not grow with their number:
    the quantiles are median-unbiased (R. J. Hyndman and Y. Fan, The American Statistician 50 (1996), definition 8).
    Raises ValueError where a reading is not finite or their median is not positive.
    """
    times = finite(readings, "readings")
    if len(times) < FEWEST:
        return None
    tail = (1 - CENTRAL) / 2
    low, middle, high = np.quantile(times, [tail, 0.5, 1 - tail], method="median_unbiased")
    if middle <= 0:
        raise ValueError(f"readings with a median of {middle}: times are more than 0")
    return float((high - low) / middle / (2 * NormalDist().inv_cdf(1 - tail)))
