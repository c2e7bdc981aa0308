"""Time one step. The clock and the step are arguments, so that a test can play any machine."""

import time
from collections.abc import Callable

from tlbench.results.record import StepTiming
from tlbench.statistics.intervals import median_interval, quantile
from tlbench.suite.cell import Timing

Clock = Callable[[], float]
LONGEST = 100_000


def measure(
    step: Callable[[], object],
    timing: Timing,
    *,
    first_call: float | None = None,
    clock: Clock = time.perf_counter,
) -> StepTiming:
    """Time `step`, a function that returns when its result is there.

    The first call (trace, compilation, choice of kernels) is kept apart; where it has already happened,
    `first_call` gives its seconds. Then `timing.warmup` calls, then timed ones until there are at least
    `timing.iterations` of them AND they took at least `timing.seconds`. Raw samples are kept, in order.
    """
    if first_call is None:
        first_call = _time(step, clock)
    warmup = tuple(_time(step, clock) for _ in range(timing.warmup))
    samples: list[float] = []
    total = 0.0
    while len(samples) < LONGEST and (len(samples) < timing.iterations or total < timing.seconds):
        seconds = _time(step, clock)
        samples.append(seconds)
        total += seconds
    return summarise(samples, warmup=warmup, first_call=first_call, batch_size=timing.batch_size)


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


def _time(step: Callable[[], object], clock: Clock) -> float:
    begin = clock()
    step()
    return clock() - begin
