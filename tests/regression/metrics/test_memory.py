"""Peak memory: its noise, and which peaks can be compared."""

from typing import Any

import pytest

from tests import builders
from tests.regression.sides import judged, made, number
from tlbench.core.cell import StepName
from tlbench.regression.entries import Entry
from tlbench.regression.side import merged


@pytest.mark.parametrize(
    ("peak", "verdict"), [(600, "unchanged"), (620, "unchanged"), (650, "inconclusive"), (700, "regressed")]
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
    # 30 % more of its own memory is 5 % of a process with framework and mapped files: within the gate of the peak.
    judgements = judged([stepping(100, peak=600)], [stepping(130, peak=630)])
    found = number(judgements, "memory of a training step")
    assert (found.verdict, found.base, found.new) == ("regressed", 100, 130)
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


def test_a_side_without_a_peak_has_no_number() -> None:
    assert not [each for each in judged([made()], [made(memory=None)]).judgements if each.metric == "memory"]
