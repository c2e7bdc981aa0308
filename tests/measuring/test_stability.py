"""Recorded and made-up samples through the judgement: stable, drifting, bimodal, outliers; exact numbers."""

import random
from collections.abc import Sequence
from statistics import median

import pytest

from tests.measuring.played import killed
from tlbench.measuring.hosts import Opened
from tlbench.measuring.jobs import StepJob
from tlbench.measuring.rounds import Taken
from tlbench.measuring.stability import BIMODAL, ashman, doubts
from tlbench.measuring.summary import Surroundings, normalised, summarise
from tlbench.results.record import StepTiming
from tlbench.statistics.intervals import median_interval

# 60 consecutive inference steps (ms) of MobileNetV2 0.35 at 96 px on two quiet cores.
QUIET = [
    31.2, 30.9, 31.0, 31.4, 30.8, 31.1, 30.9, 31.3, 31.0, 31.2, 30.7, 31.1, 31.0, 31.5, 30.9, 31.0, 31.2, 30.8, 31.1,
    31.0, 31.3, 30.9, 31.0, 31.1, 32.0, 31.0, 30.9, 31.2, 31.1, 31.0,
]  # fmt: skip


def rounds(samples: Sequence[float], each: int = 5) -> list[tuple[float, ...]]:
    return [tuple(samples[at : at + each]) for at in range(0, len(samples), each)]


def kinds(samples: Sequence[float], reference: Sequence[float] = (), load: float | None = None) -> list[str]:
    return [doubt.kind for doubt in doubts(rounds(samples), reference, median_interval(samples), load, 2)]


def test_a_quiet_machine_is_stable() -> None:
    assert kinds(QUIET, [50.0, 50.5, 51.0, 50.2, 50.1, 50.4], load=0.1) == []


def test_a_machine_that_slows_down_drifts() -> None:
    slower = [sample * (1 + index / 100) for index, sample in enumerate(QUIET)]
    found = doubts(rounds(slower), [], median_interval(slower), None, 2)
    assert [doubt.kind for doubt in found] == ["wide", "trend"]
    # The medians of the first and the last ten steps: 31.0 x 1.045 and 31.1 x 1.245.
    assert found[1].message == "steps grew 20% slower while they were measured"


def test_two_clock_rates_are_bimodal() -> None:
    switching = [sample * (1.3 if index // 5 % 2 else 1.0) for index, sample in enumerate(QUIET)]
    assert "bimodal" in kinds(switching)
    distance, share, gap = ashman(switching)
    assert (distance > BIMODAL, share) == (True, 0.5)
    assert gap == pytest.approx(0.26, abs=0.01)


def test_noise_of_one_kind_is_not_bimodal() -> None:
    generator = random.Random(0)
    normal = sum(ashman([generator.gauss(100, 15) for _ in range(30)])[0] > BIMODAL for _ in range(1000))
    uniform = sum(ashman([generator.uniform(80, 120) for _ in range(30)])[0] > BIMODAL for _ in range(1000))
    assert normal <= 10
    assert uniform <= 30


def test_some_steps_that_something_else_delayed_are_outliers() -> None:
    disturbed = [sample * (2 if index % 7 == 0 else 1) for index, sample in enumerate(QUIET)]
    (doubt,) = doubts(rounds(disturbed), [], median_interval(disturbed), None, 2)
    assert doubt.kind == "outliers"
    assert doubt.message == "5 of 30 steps took over 1.2 times the median"
    assert kinds([sample * (2 if index in (3, 20) else 1) for index, sample in enumerate(QUIET)]) == []


def test_a_wide_interval_says_how_many_rounds_would_do() -> None:
    noisy = [100, 130, 90, 120, 80, 110, 70, 125, 95, 105]
    (doubt,) = doubts(rounds(noisy), [], median_interval(noisy), None, 2)
    # Ranks 2 and 9 of ten: 80 to 125, half of it 22 % of the median 102.5: (0.2195 / 0.05)^2 = 19.3 times 2 rounds.
    assert doubt.kind == "wide"
    assert doubt.message == "the median is known to ±22% only"
    assert doubt.advice.startswith("About 37 more rounds are needed for ±5%")


def test_the_machines_speed_and_other_load_are_named() -> None:
    (doubt,) = doubts(rounds(QUIET), [50, 62, 50], median_interval(QUIET), None, 2)
    assert doubt.message == "the machine's speed moved by 24% meanwhile (reference workload)"
    (doubt,) = doubts(rounds(QUIET), [], median_interval(QUIET), 1.3, 2)
    assert doubt.message == "other processes used 1.3 of 2 cores meanwhile"


def test_five_samples_are_too_few() -> None:
    assert kinds(QUIET[:5]) == ["short"]


def surroundings(
    readings: tuple[float, ...] = (), earlier: tuple[float, ...] = (), load: float | None = None, models: int = 3
) -> Surroundings:
    return Surroundings(readings, earlier, load, cores=2, models=models)


def summary(samples: Sequence[float], seen: Surroundings, reference: Sequence[float | None] = ()) -> StepTiming:
    step, opened = StepJob(step="inference", batch_size=32), Opened(first_call=2.0, warmup=(0.1,))
    return summarise(step, "abc", 15, opened, Taken(rounds(samples), list(reference)), seen)


def test_the_interval_reaches_as_far_as_the_machine_drifted() -> None:
    seen = surroundings((50.0, 50.0, 50.0, 50.0), earlier=(40.0, 60.0) * 20)
    assert seen.drift() == (0.8, 1.2)
    found = summary(QUIET, seen)
    low, high = median_interval(QUIET) or (0, 0)
    assert (found.sample_low, found.sample_high) == (low, high)
    assert (found.low, found.high) == (pytest.approx(0.8 * low), pytest.approx(1.2 * high))
    assert found.median == median(QUIET)


def test_a_run_faster_than_all_before_it_still_has_its_own_interval() -> None:
    seen = surroundings((50.0, 50.0), earlier=(60.0,) * 50)
    assert seen.drift() == (1.0, 1.2)
    assert surroundings().drift() is None


def test_normalised_divides_each_round_by_the_reference_beside_it() -> None:
    assert normalised([(2.0, 4.0), (6.0,)], [2.0, 3.0]) == 2.0
    assert normalised([(2.0,)], []) is None


def test_what_a_bound_cut_short_is_not_complete() -> None:
    seen = surroundings()
    assert not summary(QUIET[:10], seen).complete
    assert summary(QUIET[:15], seen).complete


def test_readings_are_kept_beside_rounds_where_every_round_has_one() -> None:
    whole = summary(QUIET, surroundings(), [50.0] * 6)
    assert (whole.reference, whole.normalised) == ((50.0,) * 6, pytest.approx(median(QUIET) / 50))
    cut = summary(QUIET, surroundings(), [50.0, 50.0, None, None, None, None])
    assert (cut.reference, cut.normalised) == ((), None)


def test_the_surroundings_of_several_processes_are_those_of_all() -> None:
    first, second = surroundings((50.0,), (60.0,), 0.2, 4), surroundings((51.0,), (50.0,), 0.7, 2)
    both = first.followed_by(second)
    assert (both.readings, both.earlier, both.other_load, both.models) == ((50.0, 51.0), (60.0,), 0.7, 4)
    assert surroundings().followed_by(surroundings()).other_load is None


def test_a_lost_reference_workload_is_a_doubt_that_says_why() -> None:
    why = killed().failure
    (doubt,) = doubts(rounds(QUIET), [], median_interval(QUIET), None, 2, why)
    assert (doubt.kind, "SIGKILL" in doubt.message, why.advice in doubt.advice) == ("reference", True, True)
