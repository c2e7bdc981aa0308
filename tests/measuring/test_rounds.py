"""Who takes a turn when: order, fairness, an end; on a made-up machine."""

from collections.abc import Callable

import pytest

from tests.measuring.played import killed
from tlbench.core.cell import Timing
from tlbench.measuring.rounds import Task, take_turns


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
        def taken() -> tuple[float, ...]:
            self.lines.append(name)
            return turn

        return Task(name, asked, taken)

    def reference(self) -> float:
        self.lines.append("-")
        self.readings += 1
        return float(self.readings)


def test_every_second_round_is_reversed_and_the_reference_stands_between() -> None:
    diary = Diary()
    tasks = [diary.task(name, timing(6), 0.1, 0.1) for name in "abc"]
    taken, readings = take_turns(tasks, diary.reference)
    assert "".join(diary.lines) == "-abc-cba-abc-"
    assert readings == [1, 2, 3, 4]
    assert taken["a"].rounds == [(0.1, 0.1)] * 3
    assert taken["a"].reference == [1.5, 2.5, 3.5]


def test_a_step_leaves_when_it_has_enough_and_the_others_go_on() -> None:
    diary = Diary()
    tasks = [
        diary.task("few", timing(2), 1.0, 1.0),
        diary.task("many", timing(6), 1.0, 1.0),
        diary.task("long", timing(2, seconds=8.0), 1.0, 1.0),
    ]
    taken, _ = take_turns(tasks, diary.reference)
    assert {key: len(found.rounds) for key, found in taken.items()} == {"few": 1, "many": 3, "long": 4}


def test_a_bound_ends_a_step_that_is_too_slow_for_its_iterations() -> None:
    diary = Diary()
    taken, _ = take_turns([diary.task("slow", timing(300, max_seconds=50), 30.0)], diary.reference)
    assert taken["slow"].rounds == [(30.0,), (30.0,)]


def test_a_model_that_is_lost_keeps_what_it_gave_and_the_others_go_on() -> None:
    diary = Diary()
    alive = diary.task("alive", timing(3), 1.0)
    turns: list[Callable[[], tuple[float, ...]]] = [lambda: (1.0,), lambda: (_ for _ in ()).throw(killed())]
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

    def equal_step() -> tuple[float, ...]:
        nonlocal now
        now += 1.0
        return (1.0 + 0.01 * now,)  # the machine gets slower and slower

    taken, _ = take_turns([Task(name, timing(50), equal_step) for name in "ab"], lambda: 1.0)
    first, second = (sum(sum(turn) for turn in taken[name].rounds) for name in "ab")
    assert first == pytest.approx(second, rel=0.01)
