"""Peak memory: its noise, and which peaks can be compared."""

from typing import Any

import pytest
from scipy.stats import mannwhitneyu

from tests import builders
from tests.regression.sides import judged, made, number
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


def test_several_runs_a_side_are_ranked() -> None:
    base, new = [600, 610, 590, 605, 595, 607], [700, 690, 710, 705, 695, 703]
    found = number(judged([peaks(*base)], [peaks(*new)]), "peak memory")
    assert (found.verdict, found.base, found.new) == ("regressed", 600, 700)
    expected = mannwhitneyu(base, new, method="exact").pvalue
    assert found.adjusted == pytest.approx(expected)


def test_a_few_runs_are_as_good_as_their_median() -> None:
    assert number(judged([peaks(600, 900)], [peaks(750)]), "peak memory").effect == pytest.approx(0.0)


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


def test_a_side_without_a_peak_has_no_number() -> None:
    assert not [each for each in judged([made()], [made(memory=None)]).judgements if each.metric == "memory"]
