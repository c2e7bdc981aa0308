"""One step on a clock that a test plays: which calls are timed, how many, and what counts as warm."""

from collections.abc import Iterator

import pytest

from tlbench.core.cell import Timing
from tlbench.measuring.hosts import Opened, Pace
from tlbench.measuring.steps import StepTimer, pace, settled


class Machine:
    """A clock that moves only while a step runs, by that step's durations (the last one for ever)."""

    def __init__(self, *durations: float) -> None:
        self.now, self.calls = 0.0, 0
        self._playing = self._play(durations)
        self.timer = StepTimer(self._step, lambda: self.now)

    def _step(self) -> None:
        self.calls += 1
        self.now += next(self._playing)

    @staticmethod
    def _play(durations: tuple[float, ...]) -> Iterator[float]:
        yield from durations
        while True:
            yield durations[-1]


def timing(warmup: int = 2, max_seconds: float | None = None) -> Timing:
    return Timing(protocol="quick", batch_size=32, warmup=warmup, iterations=10, seconds=0, max_seconds=max_seconds)


def warm_up(timer: StepTimer, asked: Timing) -> tuple[float, ...]:
    return timer.open(asked).warmup


def test_warm_up_ends_when_steps_no_longer_get_faster() -> None:
    # 8 4 | 2 1: half as long as the two before; 2 1 | 1 1: as fast as the two before.
    opened = Machine(20.0, 8.0, 4.0, 2.0, 1.0).timer.open(timing())
    assert opened == Opened(first_call=20.0, warmup=(8.0, 4.0, 2.0, 1.0, 1.0, 1.0))


def test_warm_up_takes_at_least_what_is_asked() -> None:
    assert len(warm_up(Machine(1.0).timer, timing(warmup=9))) == 9
    assert warm_up(Machine(1.0).timer, timing(warmup=0)) == ()


def test_warm_up_that_never_settles_ends() -> None:
    assert len(warm_up(Machine(*(0.5**n for n in range(100))).timer, timing())) == 50


def test_warm_up_takes_a_quarter_of_the_bound_at_most() -> None:
    assert warm_up(Machine(15.0, 30.0).timer, timing(warmup=5, max_seconds=20)) == (30.0,)
    assert len(warm_up(Machine(1.0).timer, timing(warmup=10, max_seconds=20))) == 5


def test_a_first_call_that_compiled_for_longer_than_the_bound_is_no_warm_up() -> None:
    assert warm_up(Machine(20.0, 0.01).timer, timing(warmup=2, max_seconds=1.5)) == pytest.approx((0.01,) * 4)
    assert warm_up(Machine(30.0).timer, timing(warmup=5, max_seconds=20)) == (30.0,)


def test_a_second_call_that_is_slow_too_neither_ends_the_warm_up_nor_sets_the_pace() -> None:
    opened = Machine(20.0, 0.6, 0.01).timer.open(timing(max_seconds=2))
    assert opened.warmup == pytest.approx((0.6, 0.01, 0.01))
    assert pace([opened]) == Pace(uncounted=1, counted=2)


@pytest.mark.parametrize(
    ("times", "warm"),
    [((1, 1, 1), False), ((1, 1, 1, 1), True), ((2, 2, 1, 1), False), ((1, 1, 3, 1), True), ((1, 1, 0.96, 2), True)],
)
def test_settled_looks_at_the_faster_of_each_two(times: tuple[float, ...], warm: bool) -> None:
    assert settled(times) is warm


def test_a_turn_is_what_its_pace_says_whatever_the_calls_take() -> None:
    machine = Machine(0.01, 0.09, 0.02)  # the first call finds the caches full of another model's data
    assert machine.timer.turn(Pace(uncounted=1, counted=2)) == pytest.approx((0.09, 0.02))
    assert machine.timer.turn(Pace(uncounted=0, counted=1)) == pytest.approx((0.02,))
    assert machine.calls == 4


def test_two_short_steps_are_a_turn_after_one_that_is_not_counted_and_one_long_step_is_a_turn() -> None:
    assert pace([Opened(first_call=2.0, warmup=(0.03, 0.02))]) == Pace(uncounted=1, counted=2)
    assert pace([Opened(first_call=2.0, warmup=(0.07, 0.06))]) == Pace(uncounted=0, counted=2)
    assert pace([Opened(first_call=2.0, warmup=(0.3, 0.2))]) == Pace(uncounted=0, counted=1)


def test_two_sides_of_a_step_have_the_same_pace_on_either_side_of_a_rule() -> None:
    base, new = (Opened(first_call=2.0, warmup=(each, each)) for each in (0.0490, 0.0505))  # 3.1 % apart
    assert pace([base, new]) == pace([new, base]) == Pace(uncounted=1, counted=2)


def test_a_step_without_a_warm_up_is_taken_for_short_since_a_first_call_compiles() -> None:
    assert pace([Opened(first_call=30.0, warmup=())]) == Pace(uncounted=1, counted=2)
