"""Step times on a clock that a test plays: which calls are timed, how many, in which order, and what is kept."""

from collections.abc import Iterator

import pytest

from tlbench.measurement.steps import Step, measure
from tlbench.suite.cell import Timing


class Machine:
    """A clock that moves only while a step runs, by that step's durations (the last one for ever)."""

    def __init__(self) -> None:
        self.now = 0.0
        self.calls: list[str] = []
        self.slowness = 1.0

    def step(self, name: str, *durations: float, first_call: float | None = None) -> Step:
        playing = self._play(durations)

        def call() -> None:
            self.calls.append(name)
            self.now += next(playing) * self.slowness

        return Step(call, first_call)

    def clock(self) -> float:
        return self.now

    @staticmethod
    def _play(durations: tuple[float, ...]) -> Iterator[float]:
        yield from durations
        while True:
            yield durations[-1]


def timing(warmup: int = 2, iterations: int = 10, seconds: float = 0.0) -> Timing:
    return Timing(protocol="quick", batch_size=32, warmup=warmup, iterations=iterations, seconds=seconds)


def test_first_call_and_warm_up_are_kept_apart_from_the_samples() -> None:
    machine = Machine()
    measured = measure({"a": machine.step("a", 25.0, 3.0, 2.0, 1.0)}, timing(), machine.clock)["a"]
    assert measured.first_call == 25.0
    assert measured.warmup == (3.0, 2.0)
    assert measured.samples == (1.0,) * 10
    assert (measured.median, measured.minimum, measured.p95) == (1.0, 1.0, 1.0)


def test_a_first_call_that_has_happened_is_not_made_again() -> None:
    machine = Machine()
    step = machine.step("a", 3.0, 2.0, 1.0, first_call=12.5)
    measured = measure({"a": step}, timing(), machine.clock)["a"]
    assert measured.first_call == 12.5
    assert measured.warmup == (3.0, 2.0)
    assert len(machine.calls) == 12


def test_fast_steps_are_timed_until_there_are_enough_seconds_and_slow_ones_until_there_are_enough_of_them() -> None:
    machine = Machine()
    steps = {"fast": machine.step("fast", 0.25), "slow": machine.step("slow", 7.0)}
    measured = measure(steps, timing(iterations=10, seconds=5.0), machine.clock)
    assert len(measured["fast"].samples) == 20
    assert len(measured["slow"].samples) == 10


def test_steps_take_turns_and_the_order_is_reversed_every_second_round() -> None:
    machine = Machine()
    steps = {name: machine.step(name, 1.0, first_call=1.0) for name in "ab"}
    measure(steps, timing(warmup=0, iterations=15), machine.clock)
    assert "".join(machine.calls) == "aaaaabbbbb" + "bbbbbaaaaa" + "aaaaabbbbb"


def test_a_machine_that_slows_down_slows_all_steps_alike() -> None:
    """In blocks one after the other, b would seem twice as slow as a."""
    machine = Machine()
    steps = {name: machine.step(name, 1.0, first_call=1.0) for name in "ab"}
    original = machine.clock

    def drifting() -> float:
        machine.slowness = 1.0 + machine.now / 100
        return original()

    measured = measure(steps, timing(warmup=0, iterations=100), drifting)
    assert measured["b"].median / measured["a"].median == pytest.approx(1, abs=0.06)


def test_samples_keep_their_order_and_the_median_its_interval() -> None:
    machine = Machine()
    step = machine.step("a", 0.0, *[float(n) for n in (5, 1, 4, 2, 3, 9, 7, 8, 6, 10)])
    measured = measure({"a": step}, timing(warmup=0), machine.clock)["a"]
    assert measured.samples == (5, 1, 4, 2, 3, 9, 7, 8, 6, 10)
    assert measured.median == 5.5
    assert measured.minimum == 1
    # The binomial(10, 1/2) interval of order statistics 2 and 9 covers 97.9 %, that of 3 and 8 only 89.1 %.
    assert (measured.low, measured.high) == (2, 9)
    assert measured.p95 == pytest.approx(9.55)
