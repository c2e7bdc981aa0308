"""Time one step: its first call, its warm-up, a turn of timed calls. A test gives it a clock that plays any machine."""

import time
from collections.abc import Callable, Sequence

from tlbench.core.cell import Timing

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
        self._last = 0.0

    def once(self) -> float:
        """One timed call."""
        begin = self._clock()
        self._call()
        self._last = self._clock() - begin
        return self._last

    def warm_up(self, timing: Timing) -> tuple[float, ...]:
        """Call until it no longer gets faster, at least `timing.warmup` times; 0 stands for no warm-up at all.

        Ends in any case after `LONGEST_WARMUP` calls, or a quarter of `timing.max_seconds`; where the call before, the
        first one, took longer than all of `max_seconds`, that was enough.
        """
        if timing.warmup == 0 or (timing.max_seconds is not None and self._last > timing.max_seconds):
            return ()
        longest = float("inf") if timing.max_seconds is None else WARMUP_SHARE * timing.max_seconds
        taken = [self.once()]
        while len(taken) < LONGEST_WARMUP and sum(taken) < longest:
            if len(taken) >= timing.warmup and settled(taken):
                break
            taken.append(self.once())
        return tuple(taken)

    def turn(self) -> tuple[float, ...]:
        """Up to `TURN_STEPS` timed calls, no more once they took `TURN_SECONDS`.

        One call before them is not counted where steps are short: it finds the caches full of another model's data.
        """
        if self._last < SHORT:
            self.once()
        taken = [self.once()]
        while len(taken) < TURN_STEPS and sum(taken) < TURN_SECONDS:
            taken.append(self.once())
        return tuple(taken)


def settled(times: Sequence[float]) -> bool:
    """Whether the faster of the last two calls is within 5 % of, or slower than, the faster of the two before."""
    return len(times) >= 4 and min(times[-2:]) >= 0.95 * min(times[-4:-2])
