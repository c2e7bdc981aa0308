"""Summarize raw samples as a `StepTiming`. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from statistics import fmean, median

from tlbench.core.cell import Timing
from tlbench.measuring.hosts import Opened
from tlbench.measuring.jobs import ReferenceJob, StepJob
from tlbench.measuring.rounds import Taken
from tlbench.measuring.stability import doubts
from tlbench.results.measured import GpuWatch, Relative, StepTiming, shown_statistic
from tlbench.results.record import Failure
from tlbench.statistics.bootstrap import over_rounds, ratio
from tlbench.statistics.drift import drift
from tlbench.statistics.intervals import quantile


@dataclass(frozen=True)
class Beside:
    """The anchor's samples in the rounds of a step, in seconds, and the id of its cell."""

    cell_id: str
    rounds: Sequence[tuple[float, ...]]


@dataclass(frozen=True)
class Surroundings:
    """The conditions under which steps were timed.

    Attributes:
        other_load: the cores that other processes kept busy; None: unknown.
        cores: the cores that models may use.
        models: how many models took turns.
        lost: why readings of the reference workload are missing, if any are.
        peak: FLOP/s of the reference workload's matrix products, as in `Timings`.
        reference: the backend and device of the reference workload.
    """

    other_load: float | None
    cores: int
    models: int
    lost: Failure | None = None
    peak: Mapping[str, float] = field(default_factory=dict)
    reference: ReferenceJob | None = None

    def followed_by(self, later: "Surroundings") -> "Surroundings":
        """The conditions of both: the larger load, the larger number of models, the first loss."""
        loads = [load for load in (self.other_load, later.other_load) if load is not None]
        return replace(
            self,
            other_load=max(loads, default=None),
            models=max(self.models, later.models),
            lost=self.lost or later.lost,
        )


def summarise(
    step: StepJob,
    measured_with: str,
    timing: Timing,
    opened: Opened,
    taken: Taken,
    seen: Surroundings,
    anchor: Beside | None = None,
    own_reference: bool = True,
) -> StepTiming:
    """Summarize the samples of a step: statistics, confidence interval, and doubts. All times are in seconds.

    The interval is a block bootstrap over rounds of the statistic that the protocol reports. Readings of the reference
    workload are kept only if every round has one.

    Args:
        step: the step.
        measured_with: the id of the job that was measured.
        timing: the protocol.
        opened: what was measured before the turns.
        taken: the samples.
        seen: the conditions.
        anchor: the anchor's samples, if there is one.
        own_reference: whether the reference workload ran on the same backend and device as the step. If not, its
            readings still show drift, but cannot serve as a unit of time.
    """
    samples = [sample for samples in taken.rounds for sample in samples]
    readings = [reading for reading in taken.reference if reading is not None]
    reference = tuple(readings) if own_reference and len(readings) == len(taken.rounds) else ()
    interval = over_rounds(taken.rounds, shown_statistic(timing.protocol))
    moved, watch = drift(readings), GpuWatch.of(taken.gpu)
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
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        minimum=min(samples),
        p95=quantile(samples, 0.95),
        normalised=normalised(taken.rounds, reference),
        models=seen.models,
        drift=moved,
        complete=len(samples) >= timing.iterations,
        doubts=doubts(taken.rounds, moved, interval, seen.other_load, seen.cores, seen.lost, watch),
        relative=relative_to(anchor, taken.rounds, measured_with) if anchor else None,
        memory=opened.memory,
        device_memory=opened.device_memory,
        gpu=watch,
    )


def relative_to(anchor: Beside, rounds: Sequence[tuple[float, ...]], measured_with: str) -> Relative | None:
    """The times of `rounds` relative to the anchor's, over the rounds that both have; None without any."""
    if anchor.cell_id == measured_with:
        return Relative(to=anchor.cell_id, estimate=1.0, low=1.0, high=1.0)
    common = min(len(anchor.rounds), len(rounds))
    if not common:
        return None
    its, mine = tuple(anchor.rounds[:common]), rounds[:common]
    interval = ratio(its, mine)
    if interval is None:  # too few rounds
        estimate = median(median(after) / median(before) for before, after in zip(its, mine, strict=True))
        return Relative(to=anchor.cell_id, estimate=estimate, low=None, high=None, beside=its)
    return Relative(to=anchor.cell_id, **asdict(interval), beside=its)


def normalised(rounds: Sequence[Sequence[float]], reference: Sequence[float]) -> float | None:
    """The median of the samples in units of the reference workload's time in their round; None without readings."""
    if len(rounds) != len(reference):
        return None
    return median([sample / unit for samples, unit in zip(rounds, reference, strict=True) for sample in samples])
