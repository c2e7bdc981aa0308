"""One step on a clock that a test plays: which calls are timed, how many, and what counts as warm."""

from collections.abc import Iterator

import pytest

from tlbench.core.cell import Timing
from tlbench.measuring.steps import StepTimer, settled


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


def test_warm_up_ends_when_steps_no_longer_get_faster() -> None:
    # 8 4 | 2 1: half as long as the two before; 2 1 | 1 1: as fast as the two before.
    assert Machine(8.0, 4.0, 2.0, 1.0).timer.warm_up(timing()) == (8.0, 4.0, 2.0, 1.0, 1.0, 1.0)


def test_warm_up_takes_at_least_what_is_asked() -> None:
    assert len(Machine(1.0).timer.warm_up(timing(warmup=9))) == 9
    assert Machine(1.0).timer.warm_up(timing(warmup=0)) == ()


def test_warm_up_that_never_settles_ends() -> None:
    assert len(Machine(*(0.5**n for n in range(100))).timer.warm_up(timing())) == 50


def test_warm_up_takes_a_quarter_of_the_bound_at_most() -> None:
    assert Machine(30.0).timer.warm_up(timing(warmup=5, max_seconds=20)) == (30.0,)
    assert len(Machine(1.0).timer.warm_up(timing(warmup=10, max_seconds=20))) == 5


def test_a_step_longer_than_its_bound_is_warm_after_its_first_call() -> None:
    machine = Machine(30.0)
    machine.timer.once()
    assert machine.timer.warm_up(timing(warmup=5, max_seconds=20)) == ()


@pytest.mark.parametrize(
    ("times", "warm"),
    [((1, 1, 1), False), ((1, 1, 1, 1), True), ((2, 2, 1, 1), False), ((1, 1, 3, 1), True), ((1, 1, 0.96, 2), True)],
)
def test_settled_looks_at_the_faster_of_each_two(times: tuple[float, ...], warm: bool) -> None:
    assert settled(times) is warm


def test_a_turn_is_two_steps_or_one_long_one() -> None:
    assert Machine(0.06).timer.turn() == pytest.approx((0.06, 0.06))
    slower = Machine(30.0)
    slower.timer.once()
    assert slower.timer.turn() == (30.0,)
    assert slower.calls == 2


def test_a_short_step_runs_once_uncounted_before_its_turn() -> None:
    machine = Machine(0.01, 0.09, 0.02)  # the step after another model's is the slow one
    machine.timer.once()
    assert machine.timer.turn() == pytest.approx((0.02, 0.02))
