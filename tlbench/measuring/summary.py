"""From raw rounds to a StepTiming. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean, median

from tlbench.measuring.hosts import Opened
from tlbench.measuring.jobs import StepJob
from tlbench.measuring.rounds import Taken
from tlbench.measuring.stability import doubts
from tlbench.results.record import Failure, StepTiming
from tlbench.statistics.intervals import median_interval, quantile


@dataclass(frozen=True)
class Surroundings:
    """What was seen of the machine while steps were timed.

    readings: times of the reference workload meanwhile; earlier: those of recent runs on the same machine.
    other_load: cores that other processes kept busy; None where unknown. models: how many took turns. lost: why the
    reference workload gave no readings, or none from some round on.
    """

    readings: tuple[float, ...]
    earlier: tuple[float, ...]
    other_load: float | None
    cores: int
    models: int
    lost: Failure | None = None

    def drift(self) -> tuple[float, float] | None:
        """The 2.5 % and 97.5 % quantiles of all readings over the median of this run's; None without any.

        They enclose 1: a run that is faster than all before it has no drift upwards but its own.
        """
        if not self.readings:
            return None
        every, middle = (*self.readings, *self.earlier), median(self.readings)
        return min(1.0, quantile(every, 0.025) / middle), max(1.0, quantile(every, 0.975) / middle)

    def followed_by(self, later: "Surroundings") -> "Surroundings":
        """Both together: all readings, the greater load, the greater number of models, the first loss."""
        loads = [load for load in (self.other_load, later.other_load) if load is not None]
        return replace(
            self,
            readings=(*self.readings, *later.readings),
            other_load=max(loads, default=None),
            models=max(self.models, later.models),
            lost=self.lost or later.lost,
        )


def summarise(
    step: StepJob, measured_with: str, iterations: int, opened: Opened, taken: Taken, seen: Surroundings
) -> StepTiming:
    """Median, intervals, mean, minimum, 95th percentile and doubts of raw samples (seconds).

    The interval is the order-statistic one, widened by the drift of the reference workload: the ends are where the
    median would be expected had the machine been as fast, or as slow, as it was at other times. Readings beside rounds
    are kept where every round has one. It is complete with `iterations` samples.
    """
    samples = [sample for samples in taken.rounds for sample in samples]
    beside = [reading for reading in taken.reference if reading is not None]
    reference = tuple(beside) if len(beside) == len(taken.rounds) else ()
    interval = median_interval(samples)
    low, high = interval or (None, None)
    drift = seen.drift() if interval else None
    return StepTiming(
        step=step.step,
        batch_size=step.batch_size,
        measured_with=measured_with,
        first_call=opened.first_call,
        warmup=opened.warmup,
        rounds=tuple(taken.rounds),
        reference=reference,
        mean=fmean(samples),
        median=median(samples),
        sample_low=low,
        sample_high=high,
        low=low * drift[0] if low is not None and drift else low,
        high=high * drift[1] if high is not None and drift else high,
        minimum=min(samples),
        p95=quantile(samples, 0.95),
        normalised=normalised(taken.rounds, reference),
        models=seen.models,
        drift=drift,
        complete=len(samples) >= iterations,
        doubts=doubts(taken.rounds, beside, interval, seen.other_load, seen.cores, seen.lost),
    )


def normalised(rounds: Sequence[Sequence[float]], reference: Sequence[float]) -> float | None:
    """Median of the samples, each divided by the reference workload's time around its round; None without any."""
    if len(rounds) != len(reference):
        return None
    return median([sample / beside for samples, beside in zip(rounds, reference, strict=True) for sample in samples])
