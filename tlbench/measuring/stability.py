"""Find doubts about a measured step time, each with advice on how to remove it. Pure.

The thresholds are chosen, not derived: knowing a step time to 5 % is enough for most choices between models, and a
machine whose speed varies by more cannot show it. docs/methodology.md reports what each threshold detects.
"""

import math
from collections.abc import Sequence
from statistics import fmean, median, pstdev

from tlbench.results.measured import Doubt, GpuWatch
from tlbench.results.record import Failure
from tlbench.statistics.bootstrap import FEWEST, Interval

WIDE = 0.05
"""Largest half-width of the confidence interval, relative to the estimate."""
DRIFT = 0.05
"""Largest standard deviation of the reference workload during the measurement, relative to its median.

At this value about every third round is off by more. Unlike a range, it does not grow with the number of readings.
"""
TREND = 0.10
"""Largest relative change of the median step time from the first third of the rounds to the last."""
CLOCK = 0.05
"""Largest deviation of the GPU's clock from its median that may occur in more than `OUTLIERS` of the rounds."""
LOAD = 0.2
"""Largest share of the cores that other processes may use."""
OUTLIERS, FAR = 0.10, 5.0
"""Largest share of outliers: samples above the median by more than `FAR` scaled MADs and by more than 20 %."""
BIMODAL, SMALLER_MODE, ENOUGH_FOR_MODES = 5.0, 0.2, 20
"""Ashman's D of two modes, the smallest share of the samples in one of them, and the samples needed to test for modes.

The best split of 30 samples exceeds D = 5 in less than 1 % of draws from a normal and 3 % from a uniform distribution.
"""


def doubts(
    rounds: Sequence[Sequence[float]],
    drift: float | None,
    interval: Interval | None,
    other_load: float | None,
    cores: int,
    lost: Failure | None = None,
    gpu: GpuWatch | None = None,
) -> tuple[Doubt, ...]:
    """The reasons to doubt a measured step time.

    Args:
        rounds: step times in seconds, by round.
        drift: relative standard deviation of the reference workload meanwhile; None: unknown.
        interval: the confidence interval of the reported statistic; None: too few rounds for one.
        other_load: the cores that other processes kept busy meanwhile; None: unknown.
        cores: the cores that the model may use.
        lost: why readings of the reference workload are missing, if any are.
        gpu: the GPU's clock in each round; None without a GPU.
    """
    samples = [sample for taken in rounds for sample in taken]
    found = [
        _short(len(rounds), interval),
        _wide(len(rounds), interval),
        _trend(rounds),
        _bimodal(samples),
        _outliers(samples),
        _drift(drift),
        _unknown_drift(lost),
        _load(other_load, cores),
        _clock(gpu),
    ]
    return tuple(doubt for doubt in found if doubt)


def ashman(samples: Sequence[float]) -> tuple[float, float, float]:
    """Split the samples into two modes and measure how well these are separated.

    The split is Otsu's: it minimizes the variance within both sides. D = sqrt(2) |m1 - m2| / sqrt(s1^2 + s2^2).
    Sources: K. M. Ashman, C. M. Bird, S. E. Zepf, Detecting Bimodality in Astronomical Datasets, The Astronomical
    Journal 108 (1994), 2348; N. Otsu, A Threshold Selection Method from Gray-Level Histograms, IEEE SMC 9 (1979), 62.

    Returns:
        Ashman's D, the share of the samples in the smaller mode, and the distance of the means relative to the median.
    """
    ordered = sorted(samples)
    count = len(ordered)
    sums, squares = [0.0], [0.0]
    for sample in ordered:
        sums.append(sums[-1] + sample)
        squares.append(squares[-1] + sample * sample)

    def scatter(first: int, last: int) -> float:
        """The sum of squared deviations from the mean."""
        total = sums[last] - sums[first]
        return squares[last] - squares[first] - total * total / (last - first)

    cut = min(range(1, count), key=lambda at: scatter(0, at) + scatter(at, count))
    low, high = ordered[:cut], ordered[cut:]
    distance = fmean(high) - fmean(low)
    spread = math.hypot(pstdev(low), pstdev(high))
    share = min(len(low), len(high)) / count
    return (math.inf if spread == 0 else math.sqrt(2) * distance / spread), share, distance / median(ordered)


def _short(rounds: int, interval: Interval | None) -> Doubt | None:
    if interval is not None:
        return None
    message = f"too few rounds for an interval ({rounds})"
    advice = f"Raise timing.iterations or timing.max_seconds: {FEWEST} rounds are needed."
    return Doubt(kind="short", message=message, advice=advice)


def _wide(rounds: int, interval: Interval | None) -> Doubt | None:
    if interval is None:
        return None
    half = (interval.high - interval.low) / 2 / interval.estimate
    if half <= WIDE:
        return None
    more = math.ceil(rounds * ((half / WIDE) ** 2 - 1))
    return Doubt(
        kind="wide",
        message=f"the time is known to ±{half:.0%} only",
        advice=f"About {more} more rounds are needed for ±{WIDE:.0%}: raise timing.iterations or timing.seconds.",
    )


def _trend(rounds: Sequence[Sequence[float]]) -> Doubt | None:
    third = len(rounds) // 3
    if third == 0:
        return None
    first, last = (median([s for taken in part for s in taken]) for part in (rounds[:third], rounds[-third:]))
    change = last / first - 1
    if abs(change) <= TREND:
        return None
    word = "slower" if change > 0 else "faster"
    return Doubt(
        kind="trend",
        message=f"steps became {abs(change):.0%} {word} while they were measured",
        advice="Raise timing.warmup, or let the machine cool and measure again.",
    )


def _bimodal(samples: Sequence[float]) -> Doubt | None:
    if len(samples) < ENOUGH_FOR_MODES:
        return None
    distance, share, gap = ashman(samples)
    if distance <= BIMODAL or share < SMALLER_MODE or gap <= WIDE:
        return None
    return Doubt(
        kind="bimodal",
        message=f"steps take one of two times, {gap:.0%} apart",
        advice="The clock or the scheduler switches: fix the clock rate, pin the process, or measure for longer.",
    )


def _outliers(samples: Sequence[float]) -> Doubt | None:
    middle = median(samples)
    spread = 1.4826 * median([abs(sample - middle) for sample in samples])
    limit = max(middle + FAR * spread, 1.2 * middle)
    far = sum(sample > limit for sample in samples)
    if far <= OUTLIERS * len(samples):
        return None
    return Doubt(
        kind="outliers",
        message=f"{far} of {len(samples)} steps took over {limit / middle:.1f} times the median",
        advice="Something else runs now and then: close it, or measure for longer.",
    )


def _drift(drift: float | None) -> Doubt | None:
    if drift is None or drift <= DRIFT:
        return None
    return Doubt(
        kind="drift",
        message=f"the machine's speed varied by {drift:.0%} meanwhile (standard deviation of the reference workload)",
        advice="Measure on a machine of your own, or for longer; compare models within one run only.",
    )


def _unknown_drift(lost: Failure | None) -> Doubt | None:
    if lost is None:
        return None
    return Doubt(
        kind="reference",
        message=f"the reference workload was lost ({lost.type}), so nobody saw how the machine's speed moved",
        advice=f"Measure again. The reference workload: {lost.message}; {lost.advice}",
    )


def _load(other_load: float | None, cores: int) -> Doubt | None:
    if other_load is None or other_load <= LOAD * cores:
        return None
    return Doubt(
        kind="load",
        message=f"other processes used {other_load:.1f} of {cores} cores meanwhile",
        advice="Close other programs.",
    )


def _clock(gpu: GpuWatch | None) -> Doubt | None:
    if gpu is None or not gpu.clocks:
        return None
    middle = median(gpu.clocks)
    moved = sum(abs(clock - middle) > CLOCK * middle for clock in gpu.clocks)
    if moved <= OUTLIERS * len(gpu.clocks):
        return None
    why = f"; the driver held it back: {', '.join(sorted(gpu.held_back))}" if gpu.held_back else ""
    return Doubt(
        kind="clock",
        message=f"the GPU's clock went from {min(gpu.clocks)} to {max(gpu.clocks)} MHz meanwhile{why}",
        advice="Raise timing.warmup, cool the card, or measure for longer.",
    )
