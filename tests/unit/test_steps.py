"""Step times on a clock that a test plays: which calls are timed, how many, and what is kept."""

from collections.abc import Iterator

import pytest

from tlbench.measurement.steps import measure
from tlbench.suite.cell import Timing


class Machine:
    """A clock that moves only while a step runs, by the durations given (the last one for ever)."""

    def __init__(self, *durations: float) -> None:
        self.now = 0.0
        self.calls = 0
        self._durations = self._play(durations)

    @staticmethod
    def _play(durations: tuple[float, ...]) -> Iterator[float]:
        yield from durations
        while True:
            yield durations[-1]

    def step(self) -> None:
        self.calls += 1
        self.now += next(self._durations)

    def clock(self) -> float:
        return self.now


def timing(warmup: int = 2, iterations: int = 10, seconds: float = 0.0) -> Timing:
    return Timing(protocol="quick", batch_size=32, warmup=warmup, iterations=iterations, seconds=seconds)


def test_first_call_and_warm_up_are_kept_apart_from_the_samples() -> None:
    machine = Machine(25.0, 3.0, 2.0, 1.0)
    measured = measure(machine.step, timing(), clock=machine.clock)
    assert measured.first_call == 25.0
    assert measured.warmup == (3.0, 2.0)
    assert measured.samples == (1.0,) * 10
    assert (measured.median, measured.minimum, measured.p95) == (1.0, 1.0, 1.0)


def test_a_first_call_that_has_happened_is_not_made_again() -> None:
    machine = Machine(3.0, 2.0, 1.0)
    measured = measure(machine.step, timing(), first_call=12.5, clock=machine.clock)
    assert measured.first_call == 12.5
    assert measured.warmup == (3.0, 2.0)
    assert machine.calls == 12


def test_fast_steps_are_timed_until_there_are_enough_seconds() -> None:
    machine = Machine(0.25)
    assert len(measure(machine.step, timing(seconds=5.0), clock=machine.clock).samples) == 20


def test_slow_steps_are_timed_until_there_are_enough_of_them() -> None:
    machine = Machine(7.0)
    assert len(measure(machine.step, timing(iterations=10, seconds=5.0), clock=machine.clock).samples) == 10


def test_samples_keep_their_order_and_the_median_its_interval() -> None:
    machine = Machine(0.0, *[float(n) for n in (5, 1, 4, 2, 3, 9, 7, 8, 6, 10)])
    measured = measure(machine.step, timing(warmup=0), clock=machine.clock)
    assert measured.samples == (5, 1, 4, 2, 3, 9, 7, 8, 6, 10)
    assert measured.median == 5.5
    assert measured.minimum == 1
    # The binomial(10, 1/2) interval of order statistics 2 and 9 covers 97.9 %, that of 3 and 8 only 89.1 %.
    assert (measured.low, measured.high) == (2, 9)
    assert measured.p95 == pytest.approx(9.55)
