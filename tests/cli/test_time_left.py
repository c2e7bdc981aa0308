"""How much longer a run takes, by a clock that the test turns."""

import pytest

from tlbench.cli.time_left import TimeLeft


class Clock:
    """Seconds, as many as the test says."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def of(clock: Clock, training: dict[str, float], cells: int | None = None, timing: float = 0.0) -> TimeLeft:
    left = TimeLeft(clock)
    left.foretold(training, timing)
    left.training(len(training) if cells is None else cells)
    return left


def test_until_a_cell_has_finished_the_predictions_count_down(clock: Clock) -> None:
    left = of(clock, {"a": 10, "b": 30}, timing=20)
    assert left.seconds() == 60
    left.begin("a")
    clock.now += 4
    assert left.seconds() == 56


def test_a_cell_that_takes_longer_than_predicted_does_not_eat_up_the_time_of_others(clock: Clock) -> None:
    left = of(clock, {"a": 10, "b": 30})
    left.begin("a")
    clock.now += 500
    assert left.seconds() == 30


def test_what_finished_cells_took_scales_what_is_left_of_training_and_not_the_step_times(clock: Clock) -> None:
    left = of(clock, dict.fromkeys("abcd", 10.0), timing=7)
    left.begin("a")
    clock.now += 30  # three times as long; with an average cell as predicted: 40 for 20
    left.end("a", whole=True)
    assert left.seconds() == 2 * 30 + 7
    for cell in "bc":
        left.begin(cell)
        clock.now += 30
        left.end(cell, whole=True)
    assert left.seconds() == pytest.approx(100 / 40 * 10 + 7)  # nearer to three with every cell


def test_cells_side_by_side_count_as_fast_as_they_go_by(clock: Clock) -> None:
    left = of(clock, dict.fromkeys(map(str, range(101)), 10.0))
    for first in range(0, 100, 2):
        left.begin(str(first))
        left.begin(str(first + 1))
        clock.now += 10
        left.end(str(first), whole=True)
        left.end(str(first + 1), whole=True)
    assert left.seconds() == pytest.approx(5, abs=0.2)


def test_a_cell_that_failed_early_does_not_make_others_fast(clock: Clock) -> None:
    left = of(clock, dict.fromkeys("abc", 60.0))
    left.begin("a")
    clock.now += 1
    left.end("a", whole=False)
    assert left.seconds() == 120


def test_a_cell_without_a_prediction_counts_as_an_average_one(clock: Clock) -> None:
    left = of(clock, {"a": 10, "b": 30}, cells=3)
    assert left.seconds() == 60
    left.begin("unknown")
    left.end("unknown", whole=False)
    assert left.seconds() == 40


def test_without_any_prediction_the_finished_cells_tell_it(clock: Clock) -> None:
    left = of(clock, {}, cells=3)
    assert left.seconds() is None
    left.begin("a")
    clock.now += 8
    left.end("a", whole=True)
    assert left.seconds() == 16


def test_step_times_count_down_and_more_than_predicted_is_not_known(clock: Clock) -> None:
    left = of(clock, {"a": 10}, timing=20)
    left.timing()
    clock.now += 5
    left.timing()  # the next model of the same phase
    assert left.seconds() == 15
    clock.now += 15
    assert left.seconds() is None
