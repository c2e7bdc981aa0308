"""Time one step: its first call, its warm-up, and turns of timed calls. The clock can be replaced in tests."""

import time
from collections.abc import Callable, Sequence

from tlbench.core.cell import Timing
from tlbench.measuring.hosts import Opened, Pace

Clock = Callable[[], float]
Call = Callable[[], object]

TURN_STEPS, TURN_SECONDS = 2, 0.1
"""Counted calls per turn, for steps that take fewer seconds than this; longer ones have one."""
SHORT = 0.05
"""Seconds; a shorter step has an uncounted call in each turn."""
LONGEST_WARMUP = 50
"""The largest number of warm-up calls."""
WARMUP_SHARE = 0.25
"""The share of `max_seconds` that the warm-up may take."""


class StepTimer:
    """Times the calls of one step, in seconds. `call` must return only when the result is available."""

    def __init__(self, call: Call, clock: Clock = time.perf_counter) -> None:
        self._call, self._clock = call, clock
        self._first = 0.0

    def once(self) -> float:
        """The time of one call."""
        begin = self._clock()
        self._call()
        return self._clock() - begin

    def open(self, timing: Timing | None) -> Opened:
        """Make the first call, then warm up unless `timing` is None."""
        self._first = self.once()
        return Opened(first_call=self._first, warmup=self.warm_up(timing) if timing else ())

    def warm_up(self, timing: Timing) -> tuple[float, ...]:
        """Call until calls no longer get faster, and at least `timing.warmup` times (0: no warm-up at all).

        It ends at the latest after `LONGEST_WARMUP` calls, or after `WARMUP_SHARE` of `timing.max_seconds`, but not
        while each call takes less than half of the one before: with torch on a GPU, the second call of a step of 19 ms
        took 307 ms. There is always at least one call, because the very first one may have included compilation.

        Returns:
            The times of the calls.
        """
        if timing.warmup == 0:
            return ()
        longest = float("inf") if timing.max_seconds is None else WARMUP_SHARE * timing.max_seconds
        times = [self.once()]
        while len(times) < LONGEST_WARMUP and (sum(times) < longest or _halved(self._first, *times)):
            if len(times) >= timing.warmup and settled(times):
                break
            times.append(self.once())
        return tuple(times)

    def turn(self, pace: Pace) -> tuple[float, ...]:
        """The times of the counted calls of one turn."""
        for _ in range(pace.uncounted):
            self.once()
        return tuple(self.once() for _ in range(pace.counted))


def pace(opened: Sequence[Opened]) -> Pace:
    """The pace of a step's turns, the same on all sides, from the warm-up on each.

    Turns of a short step begin with an uncounted call, because the caches are full of another model's data. The pace is
    decided once for all sides: when each side or call decided for itself, and the sides lay on different sides of the
    threshold, a true difference of +3.1 % was measured as +6.4 %. A step without warm-up counts as short, because its
    first call may have included compilation: one that compiled for 20 s was taken for a long step, and single calls
    measured 11 ms where a loop took 7.4 ms.
    """
    fastest = min(min(one.warmup, default=0.0) for one in opened)
    return Pace(uncounted=int(fastest < SHORT), counted=TURN_STEPS if fastest < TURN_SECONDS else 1)


def _halved(*times: float) -> bool:
    """Whether the last call took less than half of the one before."""
    return times[-1] < times[-2] / 2


def settled(times: Sequence[float]) -> bool:
    """Whether the faster of the last two calls is not more than 5 % faster than the faster of the two before."""
    return len(times) >= 4 and min(times[-2:]) >= 0.95 * min(times[-4:-2])
