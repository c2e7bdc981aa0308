"""Time steps in turns. The clock and the steps are arguments, so that a test can play any machine."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tlbench.results.record import StepTiming
from tlbench.statistics.intervals import median_interval, quantile
from tlbench.suite.cell import Timing

Clock = Callable[[], float]
ROUND = 5
MOST_ROUNDS = 20_000


@dataclass(frozen=True)
class Step:
    """A step to time: `call` returns when its result is there.

    `first_call` is the seconds of the first call (trace, compilation, choice of kernels) where that has happened.
    """

    call: Callable[[], object]
    first_call: float | None = None


def measure(steps: Mapping[str, Step], timing: Timing, clock: Clock = time.perf_counter) -> dict[str, StepTiming]:
    """Time several steps on a machine whose speed drifts.

    Each step's first call is kept apart, then come `timing.warmup` calls, then rounds in which each step is timed
    `ROUND` times, in an order that is reversed every second round, so that slow minutes fall on all steps alike.
    A step takes part until it has at least `timing.iterations` samples AND they took at least `timing.seconds`.
    """
    first = {name: _time(step, clock) if step.first_call is None else step.first_call for name, step in steps.items()}
    warmup = {name: tuple(_time(step, clock) for _ in range(timing.warmup)) for name, step in steps.items()}
    samples: dict[str, list[float]] = {name: [] for name in steps}
    for number in range(MOST_ROUNDS):
        waiting = [name for name in steps if not _enough(samples[name], timing)]
        if not waiting:
            break
        for name in waiting if number % 2 == 0 else reversed(waiting):
            samples[name] += [_time(steps[name], clock) for _ in range(ROUND)]
    return {
        name: summarise(samples[name], warmup=warmup[name], first_call=first[name], batch_size=timing.batch_size)
        for name in steps
    }


def summarise(samples: list[float], *, warmup: tuple[float, ...], first_call: float, batch_size: int) -> StepTiming:
    """Median with its 95 % order-statistic interval, minimum and 95th percentile of raw samples (seconds)."""
    interval = median_interval(samples)
    return StepTiming(
        batch_size=batch_size,
        first_call=first_call,
        warmup=warmup,
        samples=tuple(samples),
        median=quantile(samples, 0.5),
        low=interval[0] if interval else None,
        high=interval[1] if interval else None,
        minimum=min(samples),
        p95=quantile(samples, 0.95),
    )


def _enough(samples: list[float], timing: Timing) -> bool:
    return len(samples) >= timing.iterations and sum(samples) >= timing.seconds


def _time(step: Step, clock: Clock) -> float:
    begin = clock()
    step.call()
    return clock() - begin
