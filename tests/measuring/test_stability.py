"""Recorded and made-up samples through the judgement: stable, drifting, bimodal, outliers; exact numbers."""

import math
import random
from collections.abc import Sequence
from statistics import fmean, median

import numpy as np
import pytest

from tests.measuring.played import killed
from tests.narrow import present
from tlbench.core.cell import Timing
from tlbench.measuring.hosts import Opened
from tlbench.measuring.jobs import StepJob
from tlbench.measuring.rounds import Taken
from tlbench.measuring.stability import BIMODAL, ashman, doubts
from tlbench.measuring.summary import Surroundings, normalised, summarise
from tlbench.results.measured import Doubt, GpuState, GpuWatch, StepTiming
from tlbench.results.record import Failure
from tlbench.statistics.bootstrap import over_rounds
from tlbench.statistics.drift import drift

# 60 consecutive inference steps (ms) of MobileNetV2 0.35 at 96 px on two quiet cores.
QUIET = [
    31.2, 30.9, 31.0, 31.4, 30.8, 31.1, 30.9, 31.3, 31.0, 31.2, 30.7, 31.1, 31.0, 31.5, 30.9, 31.0, 31.2, 30.8, 31.1,
    31.0, 31.3, 30.9, 31.0, 31.1, 32.0, 31.0, 30.9, 31.2, 31.1, 31.0,
]  # fmt: skip


def rounds(samples: Sequence[float], each: int = 2) -> list[tuple[float, ...]]:
    return [tuple(samples[at : at + each]) for at in range(0, len(samples), each)]


def judged(
    samples: Sequence[float], reference: Sequence[float] = (), load: float | None = None, lost: Failure | None = None
) -> tuple[Doubt, ...]:
    taken = rounds(samples)
    return doubts(taken, drift(reference), over_rounds(taken), load, 2, lost)


def kinds(samples: Sequence[float], reference: Sequence[float] = (), load: float | None = None) -> list[str]:
    return [doubt.kind for doubt in judged(samples, reference, load)]


def test_a_quiet_machine_is_stable() -> None:
    assert kinds(QUIET, [50.0, 50.5, 51.0, 50.2, 50.1, 50.4], load=0.1) == []


def watched(clocks: Sequence[int], reasons: tuple[str, ...] = ()) -> GpuWatch:
    states = [GpuState(clock=clock, temperature=60, watts=300, held_back=reasons) for clock in clocks]
    return present(GpuWatch.of(states))


def test_a_gpu_whose_clock_moves_is_named_with_the_reason_of_its_driver() -> None:
    taken = rounds(QUIET)
    steady = watched([1980] * 14 + [1700])  # one of fifteen rounds
    assert doubts(taken, None, over_rounds(taken), None, 2, gpu=steady) == ()
    moving = watched([1980] * 12 + [1500, 1400, 1300], ("power limit",))
    (doubt,) = doubts(taken, None, over_rounds(taken), None, 2, gpu=moving)
    assert doubt.kind == "clock"
    assert doubt.message == (
        "the GPU's clock went from 1300 to 1980 MHz meanwhile; the driver held it back: power limit"
    )


def test_a_gpu_is_watched_at_every_turn_or_not_at_all() -> None:
    state = GpuState(clock=1980, temperature=51, watts=210.0)
    hot = GpuState(clock=1500, temperature=88, watts=690.0, held_back=("heat", "power limit"))
    assert GpuWatch.of([state, hot, hot]) == GpuWatch(
        clocks=(1980, 1500, 1500),
        temperatures=(51, 88),
        watts=(210.0, 690.0),
        held_back={"heat": 2, "power limit": 2},
    )
    assert GpuWatch.of([state, None]) is GpuWatch.of([]) is None


def test_a_machine_that_slows_down_drifts() -> None:
    slower = [sample * (1 + index / 100) for index, sample in enumerate(QUIET)]
    found = judged(slower)
    assert [doubt.kind for doubt in found] == ["wide", "trend"]
    # The medians of the first and the last ten steps: 31.0 x 1.045 and 31.1 x 1.245.
    assert found[1].message == "steps became 20% slower while they were measured"


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
    (doubt,) = judged(disturbed)
    assert doubt.kind == "outliers"
    assert doubt.message == "5 of 30 steps took over 1.2 times the median"
    assert kinds([sample * (2 if index in (3, 20) else 1) for index, sample in enumerate(QUIET)]) == []


def test_a_wide_interval_says_how_many_rounds_would_do() -> None:
    noisy = [100, 130, 90, 120, 80, 110, 70, 125, 95, 105, 100, 75]
    interval = over_rounds(rounds(noisy))
    assert interval is not None
    doubt = judged(noisy)[0]
    half = (interval.high - interval.low) / 2 / median(noisy)
    assert (doubt.kind, doubt.message) == ("wide", f"the time is known to ±{half:.0%} only")
    more = math.ceil(6 * ((half / 0.05) ** 2 - 1))
    assert doubt.advice.startswith(f"About {more} more rounds are needed for ±5%")


def test_drift_is_a_spread_that_does_not_grow_with_the_number_of_looks() -> None:
    """A speed that spreads by 3 % is not said to drift, in 15 looks or 200; one that spreads by 8 % is."""
    generator = np.random.default_rng(0)
    for looks in (15, 200):
        steady, moving = (generator.normal(50, 50 * spread, (100, looks)) for spread in (0.03, 0.08))
        assert sum("drift" in kinds(QUIET, readings) for readings in steady.tolist()) <= 2
        assert sum("drift" in kinds(QUIET, readings) for readings in moving.tolist()) >= 85


def test_the_machines_speed_and_other_load_are_named() -> None:
    (doubt,) = judged(QUIET, [45, 55, 45, 55, 45, 55, 45, 55])
    assert doubt.message == (
        "the machine's speed varied by 8% meanwhile (standard deviation of the reference workload)"
    )
    (doubt,) = judged(QUIET, load=1.3)
    assert doubt.message == "other processes used 1.3 of 2 cores meanwhile"


def test_five_rounds_are_too_few() -> None:
    assert kinds(QUIET[:10]) == ["short"]


def surroundings(load: float | None = None, models: int = 3) -> Surroundings:
    return Surroundings(load, cores=2, models=models)


def summary(
    samples: Sequence[float], seen: Surroundings, reference: Sequence[float | None] = (), protocol: str = "quick"
) -> StepTiming:
    step, opened = StepJob(step="inference", batch_size=32), Opened(first_call=2.0, warmup=(0.1,))
    timing = Timing(protocol=protocol, batch_size=32, warmup=2, iterations=15, seconds=1.0)
    return summarise(step, "abc", timing, opened, Taken(rounds(samples), list(reference)), seen)


@pytest.mark.parametrize("protocol", ["quick", "keras"])
def test_the_interval_is_that_of_the_number_shown_and_within_the_samples(protocol: str) -> None:
    skewed = [*QUIET[:-2], 45.0, 60.0]
    found = summary(skewed, surroundings(), protocol=protocol)
    expected = over_rounds(rounds(skewed), "mean" if protocol == "keras" else "median")
    assert expected is not None
    assert (found.low, found.high) == (expected.low, expected.high)
    assert (found.median, found.mean) == (median(skewed), pytest.approx(fmean(skewed)))
    assert expected.estimate == pytest.approx(found.mean if protocol == "keras" else found.median)
    assert found.low is not None
    assert found.high is not None
    assert found.minimum <= found.low <= expected.estimate <= found.high <= max(skewed)


def test_a_machine_that_slowed_down_by_half_widens_no_interval_beyond_the_samples() -> None:
    steady = summary(QUIET, surroundings(), [50.0] * 15)
    drifting = summary(QUIET, surroundings(), [50.0] * 8 + [75.0] * 7)
    assert (drifting.low, drifting.high) == (steady.low, steady.high)
    assert steady.drift == 0
    assert drifting.drift is not None
    assert drifting.drift > 0.1


def test_five_rounds_have_no_interval() -> None:
    assert (summary(QUIET[:10], surroundings()).low, summary(QUIET[:10], surroundings()).high) == (None, None)


def test_normalised_divides_each_round_by_the_reference_beside_it() -> None:
    assert normalised([(2.0, 4.0), (6.0,)], [2.0, 3.0]) == 2.0
    assert normalised([(2.0,)], []) is None


def test_what_a_bound_cut_short_is_not_complete() -> None:
    seen = surroundings()
    assert not summary(QUIET[:10], seen).complete
    assert summary(QUIET[:15], seen).complete


def test_readings_are_kept_beside_rounds_where_every_round_has_one() -> None:
    whole = summary(QUIET, surroundings(), [50.0] * 15)
    assert (whole.reference, whole.normalised) == ((50.0,) * 15, pytest.approx(median(QUIET) / 50))
    cut = summary(QUIET, surroundings(), [50.0, 50.0, *[None] * 13])
    assert (cut.reference, cut.normalised) == ((), None)


def test_the_surroundings_of_several_processes_are_those_of_all() -> None:
    both = surroundings(0.2, 4).followed_by(surroundings(0.7, 2))
    assert (both.other_load, both.models) == (0.7, 4)
    assert surroundings().followed_by(surroundings()).other_load is None


def test_a_lost_reference_workload_is_a_doubt_that_says_why() -> None:
    why = killed().failure
    (doubt,) = judged(QUIET, lost=why)
    assert (doubt.kind, "SIGKILL" in doubt.message, why.advice in doubt.advice) == ("reference", True, True)
