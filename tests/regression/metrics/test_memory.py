"""Peak memory: its noise, and which peaks can be compared."""

import math
from typing import Any

import numpy as np
import pytest

from tests import builders
from tests.narrow import present
from tests.regression.sides import judged, made, number
from tlbench.core.cell import Named, StepName
from tlbench.regression.entries import Entry
from tlbench.regression.metrics.memory import KNOWN, of_memory
from tlbench.regression.runs import Runs, shifts
from tlbench.regression.side import entry, merged
from tlbench.regression.verdicts import verdict_of
from tlbench.results.trained import TrainingPath
from tlbench.statistics.multiple import holm


@pytest.mark.parametrize(
    ("peak", "verdict"), [(600, "unchanged"), (620, "unchanged"), (650, "inconclusive"), (790, "regressed")]
)
def test_memory_has_its_own_noise(peak: int, verdict: str) -> None:
    memory = builders.record().memory
    assert memory is not None
    new = made(memory=memory.model_copy(update={"peak": peak * 2**20}))
    assert number(judged([made()], [new]), "peak memory").verdict == verdict


def peaks(*mebibytes: int) -> Entry:
    memory = builders.record().memory
    assert memory is not None
    return merged([made(memory=memory.model_copy(update={"peak": peak * 2**20})) for peak in mebibytes])


def test_ten_times_the_memory_is_seen_with_any_number_of_runs() -> None:
    wobble = [600, 610, 590, 605, 595, 607]
    for runs in range(1, 7):
        found = number(judged([peaks(*wobble[:runs])], [peaks(*(10 * peak for peak in wobble[:runs]))]), "peak memory")
        assert (found.verdict, found.base, found.new) == ("regressed", 600, 6000), runs


def test_one_process_that_strays_is_no_change_and_two_that_do_are() -> None:
    found = number(judged([peaks(600)], [peaks(730)]), "peak memory")
    assert (found.verdict, found.decide) == ("inconclusive", "2 runs a side")
    assert found.reason == "one process in fifty takes up to 30% more, and a side has only one"
    assert number(judged([peaks(600, 605)], [peaks(730, 725)]), "peak memory").verdict == "regressed"


def suites(runs: int, more: float = 1.0, cells: int = 24, number: int = 1000) -> tuple[float, float]:
    """Shares of suites in which anything of identical code regressed, and in which the first cell did.

    Noise as ten pairs of `tlbench ab suites/ci.yaml` had it: 2 %, and of one process in fifty another 22 %.
    """
    gate, alarms, found = math.log(1.1), 0, 0
    for suite in range(number):
        generator = np.random.default_rng([runs, suite])
        logs = 0.02 * generator.standard_normal((cells, 2 * runs))
        logs += math.log(1.22) * (generator.random(logs.shape) < 0.02)
        logs[0, runs:] += math.log(more)
        pairs = [Runs(tuple(np.exp(row[:runs])), tuple(np.exp(row[runs:]))) for row in logs]
        known = [
            of_memory(pair, shift, gate, 0.01, cells) for pair, shift in zip(pairs, shifts(pairs, KNOWN), strict=True)
        ]
        adjusted = holm([each.p for each in known])
        verdicts = [verdict_of(each, p, 0.01)[0] == "regressed" for each, p in zip(known, adjusted, strict=True)]
        alarms += any(verdicts[1:] if more > 1 else verdicts)
        found += verdicts[0]
    return alarms / number, found / number


@pytest.mark.parametrize("number", [300, pytest.param(1000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("runs", [1, 2, 4])
def test_identical_code_regresses_in_one_suite_of_a_hundred_at_most(runs: int, number: int) -> None:
    alarms, _ = suites(runs, number=number)
    assert alarms <= 0.01


def test_a_third_more_memory_is_found_with_two_runs_a_side_and_half_more_with_one() -> None:
    assert suites(1, 1.5, number=300)[1] >= 0.95
    assert suites(2, 1.33, number=300)[1] >= 0.9


def test_runs_that_scatter_are_not_taken_for_a_change() -> None:
    assert number(judged([peaks(600, 900)], [peaks(750, 760)]), "peak memory").verdict == "inconclusive"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"machine": {"cpu": "Other CPU"}}, "taken on another machine"),
        ({"trained_on": "images"}, "the base trained on features, the new side on images"),
        ({"fallbacks": ("synthetic data",)}, "stand-ins differ: none in the base, synthetic data now"),
    ],
)
def test_peaks_of_other_machines_and_work_are_not_judged(changes: dict[str, Any], reason: str) -> None:
    base = made().model_copy(update={"trained_on": "features"})
    found = number(judged([base], [base.model_copy(update=changes)]), "peak memory")
    assert (found.verdict, found.reason) == ("not comparable", reason)
    assert found.base == found.new == 600


def stepping(mebibytes: float, step: StepName = "training", peak: int = 600) -> Entry:
    timings = builders.timings()
    steps = tuple(
        each.model_copy(update={"memory": int(mebibytes * 2**20)}) if each.step == step else each
        for each in timings.steps
    )
    memory = builders.record().memory
    assert memory is not None
    return made(
        timings=timings.model_copy(update={"steps": steps}),
        memory=memory.model_copy(update={"peak": peak * 2**20}),
    )


def test_the_memory_of_a_step_is_judged_where_both_sides_have_it_and_not_that_of_the_cut_model() -> None:
    # 35 % more of its own memory is 6 % of a process with framework and mapped files: within the gate of the peak.
    judgements = judged([stepping(100, peak=600)], [stepping(135, peak=635)])
    found = number(judgements, "memory of a training step")
    assert (found.verdict, found.base, found.new) == ("regressed", 100, 135)
    assert not [each for each in judgements.judgements if each.name == "peak memory"]


def test_the_peak_is_judged_where_a_side_lacks_the_memory_of_its_step() -> None:
    assert number(judged([made()], [stepping(130)]), "peak memory").verdict == "unchanged"
    assert number(judged([stepping(130)], [made()]), "peak memory").verdict == "unchanged"


def test_steps_of_another_machine_are_not_judged() -> None:
    base = stepping(100)
    found = number(
        judged([base], [base.model_copy(update={"machine": {"cpu": "Other CPU"}})]), "memory of a training step"
    )
    assert (found.verdict, found.reason) == ("not comparable", "taken on another machine")


def other_training(entry: Entry, **changes: Any) -> Entry:
    """`entry` with other settings of training."""
    train = entry.cell.training.model_copy(update=changes)
    return entry.model_copy(update={"cell": entry.cell.model_copy(update={"train": train})})


def test_peaks_of_trainings_with_other_settings_are_not_judged() -> None:
    found = number(judged([peaks(600)], [other_training(peaks(900), batch_size=64)]), "peak memory")
    assert (found.verdict, found.reason) == ("not comparable", "trained in another way")


def test_the_memory_of_a_training_step_with_another_optimizer_is_not_judged() -> None:
    name = "memory of a training step"
    found = number(judged([stepping(100)], [other_training(stepping(150), optimizer="sgd")]), name)
    assert (found.verdict, found.reason) == ("not comparable", "timed with another optimizer")
    assert number(judged([stepping(100)], [other_training(stepping(150), epochs=9)]), name).verdict == "regressed"


def test_a_side_without_a_peak_has_no_number() -> None:
    for base in (made(), made(memory=None)):
        judgements = judged([made(memory=None)], [base]).judgements
        assert not [each for each in judgements if each.metric == "memory"]


def test_seeds_that_share_a_measurement_are_one_test() -> None:
    """Four recipes, two runs a side, one of them 15 % up: more seeds measure nothing more, and make nothing less sure."""

    def entries(seeds: int, grown: float) -> list[Entry]:
        made_of = []
        for place, name in enumerate(("frozen", "partial", "full", "scratch")):
            steps = [stepping(size * (grown if name == "full" else 1.0)) for size in (100 + 9 * place, 103 + 9 * place)]
            cells = [builders.cell(strategy=Named(name=name), seed=seed) for seed in range(seeds)]
            made_of += [
                merged([step.model_copy(update={"cell": cell, "right": None}) for step in steps]) for cell in cells
            ]
        return made_of

    adjusted = [
        {
            present(one.adjusted)
            for one in judged(entries(seeds, 1.0), entries(seeds, 1.15)).judgements
            if one.name == "memory of a training step" and one.cell.strategy.name == "full"
        }
        for seeds in (1, 5)
    ]
    assert sorted(adjusted[0]) == pytest.approx(sorted(adjusted[1]))


def test_peaks_of_processes_that_trained_on_something_else_do_not_join_but_their_times_do() -> None:
    first, second = made(), made().model_copy(update={"trained_on": "features, kept from earlier"})
    both = merged([second, first])
    assert len(both.memory) == 1
    assert [len(times.draws) for times in both.times] == [2]


@pytest.mark.parametrize(
    ("computed", "told", "on"),
    [
        (0, True, "features"),  # a later cell of a process, whose first cell computed them
        (9, True, "features"),
        (0, False, "features, kept from earlier"),
        (9, None, "features"),  # records from before that was told
        (0, None, "features, kept from earlier"),
    ],
)
def test_a_peak_that_includes_a_pass_for_features_is_of_its_own_kind(computed: int, told: bool | None, on: str) -> None:
    path = TrainingPath(whole=None, computed=computed)
    of = builders.record(path=path)
    kept = present(of.memory).model_copy(update={"features": told})
    assert entry(of.model_copy(update={"memory": kept}), None).trained_on == on
