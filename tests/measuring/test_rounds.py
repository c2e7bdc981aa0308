"""Who takes a turn when: order, fairness, an end; on a made-up machine."""

from collections.abc import Callable, Iterator

import pytest

from tests.measuring.played import killed
from tlbench.core.cell import Timing
from tlbench.measuring.hosts import Turned
from tlbench.measuring.rounds import Taken, Task, seeded, take_turns
from tlbench.statistics.bootstrap import FEWEST


def timing(iterations: int = 4, seconds: float = 0.0, max_seconds: float | None = None) -> Timing:
    return Timing(
        protocol="quick", batch_size=32, warmup=0, iterations=iterations, seconds=seconds, max_seconds=max_seconds
    )


class Diary:
    """Notes who was called; the reference workload reads 1, 2, 3, ..."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.readings = 0

    def task(self, name: str, asked: Timing, *turn: float) -> Task:
        def taken() -> Turned:
            self.lines.append(name)
            return Turned(samples=turn)

        return Task(name, asked, taken)

    def reference(self) -> float:
        self.lines.append("-")
        self.readings += 1
        return float(self.readings)


def rounds_of(diary: Diary) -> list[str]:
    """What took turns in each round, in that order."""
    return "".join(diary.lines).strip("-").split("-")


def test_the_order_is_drawn_anew_for_each_round_and_the_reference_stands_between() -> None:
    diary = Diary()
    tasks = [diary.task(name, timing(60), 0.1, 0.1) for name in "abc"]
    taken, readings = take_turns(tasks, diary.reference)
    orders = rounds_of(diary)
    assert len(orders) == 30
    assert {"".join(sorted(order)) for order in orders} == {"abc"}
    assert len(set(orders)) == 6  # all there are
    assert readings == [float(number) for number in range(1, 32)]
    assert taken["a"].rounds == [(0.1, 0.1)] * 30
    assert taken["a"].reference[:3] == [1.5, 2.5, 3.5]


def test_a_further_process_has_orders_of_its_own() -> None:
    """What goes first would otherwise go first in the same rounds of every process."""
    order, orders = seeded(), []
    for _ in range(2):
        diary = Diary()
        take_turns([diary.task(name, timing(60), 0.1, 0.1) for name in "abc"], diary.reference, order=order)
        orders.append(rounds_of(diary))
    assert orders[0] != orders[1]


def test_the_sides_of_a_step_take_their_turns_one_right_after_the_other() -> None:
    diary = Diary()
    sides = [
        Task(name, timing(20), diary.task(name, timing(), 1.0).turn, rounds=20, beside=name.lower()) for name in "aAbB"
    ]
    take_turns(sides, diary.reference)
    assert set(rounds_of(diary)) == {"aAbB", "AabB", "aABb", "AaBb", "bBaA", "BbaA", "bBAa", "BbAa"}


def test_all_have_the_same_rounds_however_many_each_would_need() -> None:
    diary = Diary()
    tasks = [
        diary.task("few", timing(2), 1.0, 1.0),
        diary.task("many", timing(6), 1.0, 1.0),
        diary.task("long", timing(2, seconds=8.0), 1.0, 1.0),
        Task("anchor", None, diary.task("anchor", timing(), 1.0).turn),
    ]
    told: list[int] = []
    taken, _ = take_turns(tasks, diary.reference, lambda number, waiting: told.append(waiting))
    assert {key: len(found.rounds) for key, found in taken.items()} == dict.fromkeys(taken, 4)
    assert told == [3, 2, 2, 1]


def test_a_step_leaves_when_it_has_the_rounds_or_the_time_that_it_was_given() -> None:
    diary = Diary()
    tasks = [
        Task("two", timing(), diary.task("two", timing(), 1.0).turn, rounds=2),
        diary.task("bounded", timing(2, max_seconds=7.0), 1.0),
        diary.task("many", timing(9), 1.0),
    ]
    taken, _ = take_turns(tasks, diary.reference)
    assert {key: len(found.rounds) for key, found in taken.items()} == {"two": 2, "bounded": 7, "many": 9}


def test_a_bound_ends_a_step_that_is_too_slow_for_its_iterations_but_not_before_it_has_a_number() -> None:
    diary = Diary()
    tasks = [
        diary.task("slow", timing(300, max_seconds=50), 7.0),
        diary.task("slowest", timing(300, max_seconds=50), 30.0),
    ]
    taken, _ = take_turns(tasks, diary.reference)
    assert taken["slow"].rounds == [(7.0,)] * 8
    assert taken["slowest"].rounds == [(30.0,)] * 6


def test_what_a_step_took_so_far_is_that_of_all_its_rounds_though_each_is_added_once() -> None:
    added = []

    class Samples(tuple[float, ...]):
        def __iter__(self) -> Iterator[float]:
            added.append(self)
            return super().__iter__()

    taken, asked = Taken(), timing(50, seconds=9.001, max_seconds=15.001)
    for number in range(1, 41):
        taken.rounds.append(Samples((0.1 * number % 0.7, 0.3)))
        seconds = sum(map(sum, taken.rounds))
        for _ in range(2):
            added.clear()
            assert taken.over(asked) == (number >= FEWEST and seconds >= 15.001)
            assert taken.enough(asked) == (taken.over(asked) or (2 * number >= 50 and seconds >= 9.001))
    assert not added


def test_a_model_that_is_lost_keeps_what_it_gave_and_the_others_go_on() -> None:
    diary = Diary()
    alive = diary.task("alive", timing(3), 1.0)
    turns: list[Callable[[], Turned]] = [lambda: Turned(samples=(1.0,)), lambda: (_ for _ in ()).throw(killed())]
    dying = Task("dying", timing(3), lambda: turns.pop(0)())
    taken, _ = take_turns([dying, alive], diary.reference)
    assert taken["dying"].lost is not None
    assert taken["dying"].rounds == [(1.0,)]
    assert len(taken["alive"].rounds) == 3
    assert len(taken["alive"].reference) == 3


def test_rounds_go_on_when_the_reference_has_no_readings_any_more() -> None:
    readings = iter([1.0, 2.0, None, None, None])
    task = Diary().task("alive", timing(4), 1.0)
    taken, kept = take_turns([task], lambda: next(readings))
    assert len(taken["alive"].rounds) == 4
    assert taken["alive"].reference == [1.5, None, None, None]
    assert kept == [1.0, 2.0]


def test_drift_falls_on_all_models_alike_where_blocks_would_tell_them_apart() -> None:
    now = 0.0

    def equal_step() -> Turned:
        nonlocal now
        now += 1.0
        return Turned(samples=(1.0 + 0.01 * now,))  # the machine gets slower and slower

    taken, _ = take_turns([Task(name, timing(50), equal_step) for name in "ab"], lambda: 1.0)
    first, second = (sum(sum(turn) for turn in taken[name].rounds) for name in "ab")
    assert first == pytest.approx(second, rel=0.01)
