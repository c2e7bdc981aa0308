"""Time one step: its first call, its warm-up, a turn of timed calls. A test gives it a clock that plays any machine."""

import time
from collections.abc import Callable, Sequence

from tlbench.core.cell import Timing
from tlbench.measuring.hosts import Opened, Pace

Clock = Callable[[], float]
Call = Callable[[], object]

TURN_STEPS, TURN_SECONDS = 2, 0.1
SHORT = 0.05
LONGEST_WARMUP = 50
WARMUP_SHARE = 0.25


class StepTimer:
    """Times calls of one step; `call` returns when the result is there. All times in seconds."""

    def __init__(self, call: Call, clock: Clock = time.perf_counter) -> None:
        self._call, self._clock = call, clock
        self._first = 0.0

    def once(self) -> float:
        """One timed call."""
        begin = self._clock()
        self._call()
        return self._clock() - begin

    def open(self, timing: Timing | None) -> Opened:
        """The first call, and the warm-up after it; None: that is asked for later."""
        self._first = self.once()
        return Opened(first_call=self._first, warmup=self.warm_up(timing) if timing else ())

    def warm_up(self, timing: Timing) -> tuple[float, ...]:
        """Call until it no longer gets faster, at least `timing.warmup` times; 0 stands for no warm-up at all.

        Ends in any case after `LONGEST_WARMUP` calls, or a quarter of `timing.max_seconds`, but never before one call:
        the first one may have been compiling, and says nothing of what a step takes. Nor while each call takes less
        than half of the one before: with torch on a GPU the second took 307 ms of a step of 19.
        """
        if timing.warmup == 0:
            return ()
        longest = float("inf") if timing.max_seconds is None else WARMUP_SHARE * timing.max_seconds
        taken = [self.once()]
        while len(taken) < LONGEST_WARMUP and (sum(taken) < longest or _halved(self._first, *taken)):
            if len(taken) >= timing.warmup and settled(taken):
                break
            taken.append(self.once())
        return tuple(taken)

    def turn(self, pace: Pace) -> tuple[float, ...]:
        """The times of the counted calls of one turn."""
        for _ in range(pace.uncounted):
            self.once()
        return tuple(self.once() for _ in range(pace.counted))


def pace(opened: Sequence[Opened]) -> Pace:
    """How a step takes its turns on all sides, by what its calls took on each before; decided once.

    One call is not counted where steps are short: it finds the caches full of another model's data. Decided call by
    call, or by each side alone, that rule made a true +3.1 % read +6.4 % where the two sides stood on either side of
    it. Where there was no warm-up, the step is taken for short: a first call that compiled for 20 s was once taken for
    a long step, and its single calls among other models read 11 ms where a loop took 7.4.
    """
    fastest = min(min(one.warmup, default=0.0) for one in opened)
    return Pace(uncounted=int(fastest < SHORT), counted=TURN_STEPS if fastest < TURN_SECONDS else 1)


def _halved(*times: float) -> bool:
    return times[-1] < times[-2] / 2


def settled(times: Sequence[float]) -> bool:
    """Whether the faster of the last two calls is within 5 % of, or slower than, the faster of the two before."""
    return len(times) >= 4 and min(times[-2:]) >= 0.95 * min(times[-4:-2])
