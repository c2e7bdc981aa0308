"""A step's time: interleaved pairs, several runs a side, one run a side, and what cannot be compared."""

import numpy as np
import pytest

from tests import builders
from tests.regression.sides import judged, made, number, timed
from tlbench.regression.decide import undecided
from tlbench.regression.entries import Entry
from tlbench.regression.metrics.time import TimeMetric, of_pairs
from tlbench.regression.side import merged
from tlbench.regression.verdicts import Evidence


@pytest.mark.parametrize(("factor", "verdict"), [(1.1, "regressed"), (0.9, "improved"), (1.0, "unchanged")])
def test_interleaved_pairs_decide_ten_percent(factor: float, verdict: str) -> None:
    base, new = made(timings=timed(0.02, "s")), made(timings=timed(0.02 * factor, "s", phase=1))
    found = judged([base], [new])
    time = number(found, "inference time, batch 32")
    assert time.verdict == verdict
    assert time.effect == pytest.approx(factor - 1, abs=0.004)
    assert time.low is not None
    assert time.high is not None
    assert time.low <= factor - 1 <= time.high
    assert found.exit_code == (1 if verdict == "regressed" else 0)


def test_pairs_of_one_process_do_not_show_a_regression() -> None:
    both = [timed(0.02, "s"), timed(0.025, "s", phase=1)]
    alone = [
        one.model_copy(update={"steps": tuple(step.model_copy(update={"draws": ()}) for step in one.steps)})
        for one in both
    ]
    time = number(judged([made(timings=alone[0])], [made(timings=alone[1])]), "inference time, batch 32")
    assert (time.verdict, time.reason) == ("inconclusive", "one process a side was timed, and one process is one draw")


def test_different_sessions_are_no_pairs() -> None:
    found = judged([made(timings=timed(0.02, "one"))], [made(timings=timed(0.022, "two"))])
    assert number(found, "inference time, batch 32").verdict == "inconclusive"


@pytest.mark.parametrize(("factor", "verdict"), [(1.15, "inconclusive"), (1.6, "regressed"), (0.6, "improved")])
def test_a_stored_time_is_judged_only_beyond_the_drift(factor: float, verdict: str) -> None:
    new = timed(0.02 * factor, low=0.0195 * factor, high=0.0205 * factor, normalised=0.4 * factor)
    base = timed(0.02, low=0.0195, high=0.0205, normalised=0.4)
    assert number(judged([made(timings=base)], [made(timings=new)]), "inference time, batch 32").verdict == verdict


def test_several_runs_a_side_are_ranked() -> None:
    def runs(base: float) -> Entry:
        draws = [
            made(timings=timed(base * wobble, normalised=base * wobble))
            for wobble in (1, 1.01, 0.99, 1.02, 1.005, 0.995)
        ]
        return merged(draws)

    time = number(judged([runs(0.02)], [runs(0.024)]), "inference time, batch 32")
    assert time.verdict == "regressed"
    assert time.effect == pytest.approx(0.2, abs=0.02)
    assert number(judged([runs(0.02)], [runs(0.02)]), "inference time, batch 32").verdict == "unchanged"


def test_times_of_another_machine_are_not_judged_but_all_else_is() -> None:
    new = made(environment=builders.environment(cpu="Other CPU"), timings=timed(0.5))
    found = judged([made()], [new])
    time = number(found, "inference time, batch 32")
    assert (time.verdict, time.reason) == ("not comparable", "taken on another machine (cpu differ)")
    assert number(found, "accuracy").verdict == "unchanged"
    assert number(found, "params").verdict == "unchanged"
    assert found.exit_code == 0


def test_times_by_another_protocol_are_not_judged() -> None:
    other = timed().model_copy(update={"protocol": "keras"})
    time = number(judged([made()], [made(timings=other)]), "inference time, batch 32")
    assert (time.verdict, time.reason) == ("not comparable", "timed in another way (protocol differ)")


def test_measuring_goes_on_until_a_step_is_decided() -> None:
    def rounds(values: np.ndarray) -> list[tuple[float, ...]]:
        return [(float(one),) for one in values]

    generator = np.random.default_rng(0)
    quiet, noisy = 1 + generator.normal(0, 0.01, (2, 20)), 1 + generator.normal(0, 0.2, (2, 20))
    found = {
        "quiet": ([rounds(quiet[0])], [rounds(quiet[1])]),
        "noisy": ([rounds(np.abs(noisy[0]))], [rounds(np.abs(noisy[1]))]),
        "slower": ([rounds(quiet[0])], [rounds(1.2 * quiet[1])]),
    }
    left = undecided(found, dict.fromkeys(found, 0.05))
    assert set(left) == {"noisy", "slower"}  # one process a side is not enough to say slower
    assert left["noisy"] > 100


def test_cells_that_share_a_measurement_are_one_test() -> None:
    """Four cells, two measurements: Holm doubles the smaller p-value, and does not take it four times."""
    generator = np.random.default_rng(0)

    def draws(slower: float) -> list[Evidence]:
        ratios = [list(generator.normal(slower, 0.05, 20)) for _ in range(2)]
        return [of_pairs(ratios, 0.05, 4)] * 2

    evidence = draws(0.03) + draws(0.0)
    first, _, second, _ = (each.p for each in evidence)
    assert first < second / 2
    assert TimeMetric().corrected(evidence) == [2 * first, 2 * first, second, second]


def test_steps_that_only_one_side_has_are_new_or_missing() -> None:
    one, two = timed(), timed()
    larger = two.steps[0].model_copy(update={"batch_size": 64})
    two = two.model_copy(update={"steps": (*two.steps, larger)})
    name = "inference time, batch 64"
    assert number(judged([made(timings=one)], [made(timings=two)]), name).verdict == "new"
    missing = number(judged([made(timings=two)], [made(timings=one)]), name)
    assert (missing.verdict, missing.reason) == ("missing", "the new side has no such time")


def test_every_step_of_the_new_side_is_one_of_the_tests() -> None:
    assert TimeMetric().tests([made(timings=None), made(), made(timings=builders.timings())]) == 3
