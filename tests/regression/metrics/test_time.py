"""A step's time: interleaved pairs, several runs a side, one run a side, and what cannot be compared."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from scipy import stats

from tests import builders
from tests.noise import recorded
from tests.regression.sides import judged, made, number, timed
from tests.regression.suites_in_turn import of_one_step, real
from tlbench.core.cell import Named
from tlbench.regression.decide import undecided
from tlbench.regression.entries import Entry
from tlbench.regression.metrics import time as time_metric
from tlbench.regression.metrics.base import Finding
from tlbench.regression.metrics.time import (
    DISAGREE,
    GATE_OF_NOTHING,
    IN_TURN,
    OFFSETS,
    ONE_PROCESS,
    TimeMetric,
    of_medians,
    of_pairs,
    share_of_look,
)
from tlbench.regression.side import merged
from tlbench.regression.verdicts import Evidence, verdict_of
from tlbench.statistics.correlated import correlated_signed_rank
from tlbench.statistics.moderated import Spread
from tlbench.statistics.processes import over_processes
from tlbench.statistics.ranks import Shift


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


def runs(
    seconds: float, count: int, strategy: str = "frozen", wobble: float = 0.01, seed: int | Sequence[int] = 0
) -> Entry:
    """A cell timed in so many runs, whose times vary from run to run by `wobble`."""
    factors = np.exp(np.random.default_rng(seed).normal(0, wobble, count))
    of = builders.cell(strategy=Named(name=strategy))
    return merged([made(of=of, timings=timed(seconds * one, normalised=20 * seconds * one)) for one in factors])


@pytest.mark.parametrize("count", [1, 2, 3, 4, 6])
def test_more_runs_a_side_never_disarm_the_gate(count: int) -> None:
    """48 times, of which one is ten times slower; ranks of 4 against 4 runs could not fall below the level."""
    names = [f"strategy {number}" for number in range(48)]
    base = [runs(0.02, count, name, seed=number) for number, name in enumerate(names)]
    new = [runs(0.2 if number == 7 else 0.02, count, name, seed=99 + number) for number, name in enumerate(names)]
    found = judged(base, new).of("regressed")
    assert [(each.cell.strategy.name, each.metric) for each in found] == [("strategy 7", "time")]


def test_runs_of_identical_code_are_not_called_slower() -> None:
    """48 times, four runs a side, whose times move by 10 % from run to run: 5 suites, no `regressed`."""
    names = [f"strategy {number}" for number in range(48)]
    for suite in range(5):
        base, new = (
            [runs(0.02, 4, name, 0.1, seed=[suite, side, number]) for number, name in enumerate(names)]
            for side in (0, 1)
        )
        assert not judged(base, new).of("regressed")


def test_several_runs_tell_twenty_percent_and_that_nothing_changed() -> None:
    name = "inference time, batch 32"
    slower = number(judged([runs(0.02, 6)], [runs(0.024, 6, seed=1)]), name)
    assert slower.verdict == "regressed"
    assert slower.effect == pytest.approx(0.2, abs=0.02)
    assert number(judged([runs(0.02, 30)], [runs(0.02, 30, seed=1)]), name).verdict == "unchanged"


def test_what_runs_cannot_tell_they_say_how_many_could() -> None:
    time = number(judged([runs(0.02, 2)], [runs(0.0225, 2, seed=1)]), "inference time, batch 32")
    assert time.verdict == "inconclusive"
    needed = int(time.decide.split()[0])
    assert 2 < needed < 12
    assert time.decide == f"{needed} runs a side, or {IN_TURN}"
    again = judged([runs(0.02, needed + 1)], [runs(0.0225, needed + 1, seed=1)])
    assert number(again, "inference time, batch 32").verdict == "regressed"


def test_a_reference_workload_that_was_disturbed_makes_no_change() -> None:
    base, new = timed(0.02, normalised=0.4), timed(0.02, normalised=4.0)
    time = number(judged([made(timings=base)], [made(timings=new)]), "inference time, batch 32")
    assert (time.verdict, time.effect) == ("inconclusive", pytest.approx(0.0))


def test_a_time_that_its_own_rounds_contradict_is_not_called_slower() -> None:
    name = "inference time, batch 32"
    sure, vague = (timed(0.04, low=0.04 / width, high=0.04 * width, normalised=0.8) for width in (1.01, 2.0))
    base = made(timings=timed(0.02, low=0.0199, high=0.0201, normalised=0.4))
    assert number(judged([base], [made(timings=sure)]), name).verdict == "regressed"
    assert number(judged([base], [made(timings=vague)]), name).verdict == "inconclusive"


def test_times_of_another_machine_are_not_judged_but_all_else_is() -> None:
    new = made(environment=builders.environment(cpu="Other CPU"), timings=timed(0.5))
    found = judged([made()], [new])
    time = number(found, "inference time, batch 32")
    assert (time.verdict, time.reason) == ("not comparable", "taken on another machine (different CPU)")
    assert number(found, "params").verdict == "unchanged"
    assert found.exit_code == 0


def test_times_by_another_protocol_are_not_judged() -> None:
    other = timed().model_copy(update={"protocol": "keras"})
    time = number(judged([made()], [made(timings=other)]), "inference time, batch 32")
    assert (time.verdict, time.reason) == ("not comparable", "timed in another way (different protocol)")


def test_training_steps_with_another_optimizer_are_not_judged_and_inference_is() -> None:
    base = made(timings=builders.timings())
    train = base.cell.training.model_copy(update={"optimizer": "sgd"})
    new = base.model_copy(update={"cell": base.cell.model_copy(update={"train": train})})
    found = judged([base], [new])
    time = number(found, "training time, batch 32")
    assert (time.verdict, time.reason) == ("not comparable", "timed in another way (different optimizer)")
    assert number(found, "inference time, batch 32").verdict != "not comparable"


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
    assert set(left) == {"quiet", "noisy", "slower"}  # one process a side is not enough for any verdict
    assert left["noisy"] > 100
    twice = {key: (2 * base, 2 * new) for key, (base, new) in found.items()}
    assert set(undecided(twice, dict.fromkeys(found, 0.05))) == {"noisy"}


def test_cells_that_share_a_measurement_are_one_test() -> None:
    """Four cells, two measurements: Holm doubles the smaller p-value, and does not take it four times."""
    generator = np.random.default_rng(0)

    def draws(slower: float) -> list[Evidence]:
        ratios = [list(generator.normal(slower, 0.05, 20)) for _ in range(2)]
        return [of_pairs(ratios, 0.05, 4)] * 2

    evidence = draws(0.03) + draws(0.0)
    first, _, second, _ = (each.p for each in evidence)
    assert first < second / 2
    found = [(Finding(builders.cell(), "inference time", evidence=each), each) for each in evidence]
    assert TimeMetric().corrected(found) == [2 * first, 2 * first, second, second]


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


@pytest.mark.parametrize("count", [3, 7])
def test_too_few_pairs_for_the_level_ask_for_as_many_as_can_reach_it(count: int) -> None:
    """Of seven pairs no p-value falls below 0.0156, however clear they are."""
    noise = np.random.default_rng(0).normal(math.log(10), 0.01, 100).tolist()
    evidence = of_pairs([noise[:count]], 0.05, 48)
    assert evidence.p > 0.01 / 48
    assert 2 * 0.5 ** (count + evidence.more) < 0.01 / 48


def test_no_change_at_all_is_judged_by_a_gate_of_nothing_too() -> None:
    same, scattered = [[0.0] * 20] * 2, [[sign * size / 64 for size in range(1, 11) for sign in (1, -1)]] * 2
    assert verdict_of(of_pairs(same, 0.0, 3), 1.0, 0.01) == ("unchanged", "")
    evidence = of_pairs(scattered, 0.0, 3)
    assert verdict_of(evidence, 1.0, 0.01)[0] == "inconclusive"
    assert (evidence.decide, evidence.more) == (GATE_OF_NOTHING, 0)
    run = made(timings=timed(session="s"))
    assert number(judged([run], [run], time=0.0), "inference time, batch 32").verdict == "unchanged"


def test_the_medians_of_processes_are_students_t_where_nothing_is_known_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_metric, "KNOWN", Spread(0.0, 0.0))
    middles = [0.11, 0.08, 0.15]
    assert of_medians(middles) == pytest.approx(stats.ttest_1samp(middles, 0.0).pvalue)
    assert of_medians(middles[:1]) == 1.0


def test_the_offsets_of_processes_are_those_of_identical_code() -> None:
    centers = [correlated_signed_rank([process]) for process in recorded()]
    rounds = [time_metric.deviation(each, 1) ** 2 for each in centers]
    estimates = np.array([each.estimate for each in centers])
    assert np.mean(estimates**2) - np.mean(rounds) == pytest.approx(OFFSETS.variance, rel=0.02)
    assert 2 * len(centers) / (2 + stats.kurtosis(estimates)) == pytest.approx(OFFSETS.freedom, abs=0.5)


def test_no_verdict_follows_from_one_process_a_side_however_clear_its_rounds_are() -> None:
    noise = np.random.default_rng(0).normal(0, 0.001, 40)
    for slower in (0.0, math.log(10)):
        evidence = of_pairs([(slower + noise).tolist()], 0.05, 1)
        assert (evidence.p, evidence.low, evidence.high) == (1.0, -math.inf, math.inf)
        assert verdict_of(evidence, evidence.p, 0.01) == ("inconclusive", ONE_PROCESS)


def test_the_looks_share_the_level_from_the_second_on() -> None:
    assert sum(share_of_look(look) for look in range(2, 100_000)) == pytest.approx(1, abs=1e-4)
    assert share_of_look(2) > share_of_look(3) > share_of_look(4)


@pytest.mark.parametrize("processes", [2, 3, 4])
def test_each_look_has_its_share_of_the_level_and_of_the_interval(processes: int) -> None:
    """A difference that the test over processes alone decides, since all rounds agree."""
    taken = [np.random.default_rng(number).normal(0.02, 0.01, 40).tolist() for number in range(processes)]
    evidence = of_pairs(taken, 0.05, 1)
    apart = time_metric.deviation(correlated_signed_rank(taken), 40 * processes)
    once = over_processes(taken, apart, OFFSETS, 1 - 0.05 * share_of_look(processes))
    assert evidence.p == pytest.approx(once.p / share_of_look(processes))
    assert (evidence.low, evidence.high) == (once.low, once.high)


def test_processes_that_are_not_beyond_half_the_gate_do_not_agree() -> None:
    noise = np.random.default_rng(0).normal(0, 0.001, 100)
    for second, agreed in ((0.01, DISAGREE), (0.04, "")):
        assert of_pairs([(0.2 + noise).tolist(), (second + noise).tolist()], 0.05, 1).agreed == agreed


def test_a_change_beyond_the_gate_is_hardly_ever_called_unchanged_with_the_noise_of_real_processes() -> None:
    """At 6 % and a gate of 5 %; before, intervals left out what a process adds: 8 of 100, and 81 held the truth."""
    held, verdicts = of_one_step(real, math.log(1.06), 100)
    assert held >= 90
    assert verdicts["unchanged"] <= 3


def test_what_two_shifts_agree_on_is_no_surer_than_the_less_sure_one() -> None:
    sure, vague, opposite = Shift(0.2, 0.1, 0.3, 0.001), Shift(0.1, -0.1, 0.3, 0.2), Shift(-0.2, -0.3, -0.1, 0.001)
    assert time_metric.common_to(sure, vague) == Shift(0.1, -0.1, 0.3, 0.2)
    assert time_metric.common_to(sure, opposite).p == 1.0


@pytest.mark.parametrize(("low", "high"), [(-0.06, 0.01), (-0.01, 0.06)])
def test_unchanged_needs_both_ends_of_the_interval_within_the_gate(low: float, high: float) -> None:
    assert verdict_of(Evidence(0.0, -0.01, 0.01, 1.0, 0.05), 1.0, 0.01)[0] == "unchanged"
    assert verdict_of(Evidence(0.0, low, high, 1.0, 0.05), 1.0, 0.01)[0] == "inconclusive"


def test_what_is_undecided_is_corrected_over_the_steps_of_the_suite(monkeypatch: pytest.MonkeyPatch) -> None:
    """One step with p = 0.004 is decided at 1 %, and is not beside two others."""
    slower = Evidence(0.1, 0.02, 0.2, 0.004, 0.05)
    monkeypatch.setattr(time_metric, "of_pairs", lambda *arguments: slower)
    rounds: list[list[tuple[float, ...]]] = [[(1.0,)]]
    for steps, left in ((1, 0), (3, 3)):
        found = {str(number): (rounds, rounds) for number in range(steps)}
        assert len(undecided(found, dict.fromkeys(found, 0.05))) == left


def test_a_run_of_too_few_rounds_is_not_surer_than_one_of_many() -> None:
    few = [made(timings=timed(seconds, low=None, high=None)) for seconds in (0.02, 0.04)]
    time = number(judged(few[:1], few[1:]), "inference time, batch 32")
    assert (time.verdict, time.decide) == ("inconclusive", "at least 6 rounds a run")
    assert "fewer than 6 rounds" in time.reason


def test_what_rounds_put_in_counts_for_the_side_with_a_single_run_alone() -> None:
    (wide,) = made(timings=timed(0.02, low=0.015, high=0.025)).times
    (narrow,) = made(timings=timed(0.02, low=0.0199, high=0.0201)).times
    several = wide.model_copy(update={"draws": wide.draws * 5})
    assert time_metric.uncertain(several, narrow) == pytest.approx(time_metric.uncertain(narrow, narrow) / 2)
    assert time_metric.uncertain(several, several) == 0


def test_runs_of_fewer_than_six_steps_are_not_judged_however_many_there_are() -> None:
    few = [made(timings=timed(seconds, low=None, high=None)) for seconds in (0.02, 0.05)]
    few = [
        one.model_copy(
            update={
                "times": tuple(
                    t.model_copy(update={"draws": (t.draws[0].model_copy(update={"few": 2}),)}) for t in one.times
                )
            }
        )
        for one in few
    ]
    base, new = merged([few[0], few[0]]), merged([few[1], few[1]])
    assert len(base.times[0].draws) == 2
    time = number(judged([base], [new]), "inference time, batch 32")
    assert (time.verdict, time.base, time.new) == ("inconclusive", None, None)
    beside = merged([few[0], made(timings=timed(0.02))])
    time = number(judged([beside], [made(timings=timed(0.02))]), "inference time, batch 32")
    assert time.base == pytest.approx(20, rel=0.01)
