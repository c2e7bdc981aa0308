"""Intervals and quantiles. Pure functions on numbers; each names its source."""

import math
from collections.abc import Sequence
from statistics import NormalDist

from tlbench.statistics.finite import finite


def wilson(successes: float, trials: float, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval (low, high) of a proportion. Counts may be effective ones, which are not integers.

    Source: E. B. Wilson, Probable Inference, the Law of Succession, and Statistical Inference, JASA 22 (1927),
    209-212. Equals scipy.stats.binomtest(...).proportion_ci(method="wilson").

    Raises:
        ValueError: unless 0 <= successes <= trials and trials > 0, or if a number is not finite.
    """
    finite([successes, trials, confidence], "counts and confidence")
    if trials <= 0 or not 0 <= successes <= trials:
        raise ValueError(f"{successes} successes of {trials} trials is no proportion")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, spread = successes / trials, z * z / trials
    centre = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(share * (1 - share) / trials + spread / trials / 4)
    low = 0.0 if successes == 0 else centre - half
    high = 1.0 if successes == trials else centre + half
    return low, high


def quantile(samples: Sequence[float], share: float) -> float:
    """The quantile at `share` (0 to 1), interpolated linearly between order statistics.

    Source: R. J. Hyndman and Y. Fan, Sample Quantiles in Statistical Packages, The American Statistician 50 (1996),
    definition 7; the default of numpy.quantile.

    Raises:
        ValueError: there are no samples, or one is not finite.
    """
    if not samples:
        raise ValueError("no samples, no quantile")
    finite([*samples, share], "samples and share")
    ordered = sorted(samples)
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])
