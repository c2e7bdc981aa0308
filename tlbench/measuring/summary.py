"""From raw rounds to a StepTiming. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median

from tlbench.core.cell import StepName, Timing
from tlbench.measuring.rounds import Taken
from tlbench.measuring.stability import doubts
from tlbench.results.record import StepTiming
from tlbench.statistics.intervals import median_interval, quantile


@dataclass(frozen=True)
class Opened:
    """What happened to a step before it took turns: seconds of its first call and of its warm-up calls."""

    first_call: float
    warmup: tuple[float, ...]


@dataclass(frozen=True)
class Surroundings:
    """What was seen of the machine while steps were timed.

    readings: times of the reference workload in this run; earlier: those of recent runs on the same machine.
    other_load: cores that other processes kept busy; None where unknown.
    """

    readings: tuple[float, ...]
    earlier: tuple[float, ...]
    other_load: float | None
    cores: int

    def drift(self) -> tuple[float, float] | None:
        """The 2.5 % and 97.5 % quantiles of all readings over the median of this run's; None without any.

        They enclose 1: a run that is faster than all before it has no drift upwards but its own.
        """
        if not self.readings:
            return None
        every, middle = (*self.readings, *self.earlier), median(self.readings)
        return min(1.0, quantile(every, 0.025) / middle), max(1.0, quantile(every, 0.975) / middle)


def summarise(
    step: StepName,
    batch_size: int,
    measured_with: str,
    timing: Timing,
    opened: Opened,
    taken: Taken,
    seen: Surroundings,
    models: int,
) -> StepTiming:
    """Median, intervals, mean, minimum, 95th percentile and doubts of raw samples (seconds).

    The interval is the order-statistic one, widened by the drift of the reference workload: the ends are where the
    median would be expected had the machine been as fast, or as slow, as it was at other times.
    """
    samples = [sample for found in taken.rounds for sample in found]
    interval = median_interval(samples)
    low, high = interval or (None, None)
    drift = seen.drift() if interval else None
    return StepTiming(
        step=step,
        batch_size=batch_size,
        measured_with=measured_with,
        first_call=opened.first_call,
        warmup=opened.warmup,
        rounds=tuple(taken.rounds),
        reference=tuple(taken.reference),
        mean=fmean(samples),
        median=median(samples),
        sample_low=low,
        sample_high=high,
        low=low * drift[0] if low is not None and drift else low,
        high=high * drift[1] if high is not None and drift else high,
        minimum=min(samples),
        p95=quantile(samples, 0.95),
        normalised=normalised(taken.rounds, taken.reference),
        models=models,
        drift=drift,
        complete=len(samples) >= timing.iterations,
        doubts=doubts(taken.rounds, taken.reference, interval, seen.other_load, seen.cores),
    )


def normalised(rounds: Sequence[Sequence[float]], reference: Sequence[float]) -> float | None:
    """Median of the samples, each divided by the reference workload's time around its round; None without any."""
    if len(rounds) != len(reference):
        return None
    return median([sample / beside for found, beside in zip(rounds, reference, strict=True) for sample in found])
