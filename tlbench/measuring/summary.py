"""From raw rounds to a StepTiming. Pure."""

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
    """What the anchor gave in the rounds of a step: the id of its cell, and its samples (seconds)."""

    cell_id: str
    rounds: Sequence[tuple[float, ...]]


@dataclass(frozen=True)
class Surroundings:
    """What was seen of the machine while steps were timed.

    other_load: cores that other processes kept busy; None where unknown. models: how many took turns. lost: why the
    reference workload gave no readings, or none from some round on. peak: FLOP/s of its matrix products, as in
    `Timings`. reference: what it was computed with.
    """

    other_load: float | None
    cores: int
    models: int
    lost: Failure | None = None
    peak: Mapping[str, float] = field(default_factory=dict)
    reference: ReferenceJob | None = None

    def followed_by(self, later: "Surroundings") -> "Surroundings":
        """Both together: the greater load, the greater number of models, the first loss."""
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
    """Median, mean, interval, minimum, 95th percentile and doubts of raw samples (seconds).

    The interval is that of the number which is shown of `timing`'s protocol: block bootstrap over rounds. Readings
    beside rounds are kept where every round has one. It is complete with the iterations that `timing` asks for.
    own_reference: whether the reference workload was computed where the step was; that of another backend or device is
    a clock, which shows drift, and no unit of time.
    """
    samples = [sample for samples in taken.rounds for sample in samples]
    beside = [reading for reading in taken.reference if reading is not None]
    reference = tuple(beside) if own_reference and len(beside) == len(taken.rounds) else ()
    interval = over_rounds(taken.rounds, shown_statistic(timing.protocol))
    moved, watch = drift(beside), GpuWatch.of(taken.gpu)
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
    """Times of `rounds` relative to the anchor's, in those rounds that both have; None where there is none."""
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
    """Median of the samples, each divided by the reference workload's time around its round; None without any."""
    if len(rounds) != len(reference):
        return None
    return median([sample / beside for samples, beside in zip(rounds, reference, strict=True) for sample in samples])
