"""Two cells on the same images: counted right, tested exactly, adjusted for many."""

import numpy as np
import pytest
from scipy.stats import binomtest

from tests import builders
from tlbench.regression.contrasts import best_against_rest, compare
from tlbench.results.record import Record
from tlbench.statistics.multiple import holm


def cell(seed: int, correct: int = 0, fingerprint: str = "f") -> Record:
    data = builders.data().model_copy(update={"fingerprint": fingerprint * 64})
    return builders.record(builders.cell(seed=seed), data=data, accuracy=builders.accuracy(correct))


def test_only_images_on_which_two_cells_disagree_count() -> None:
    first, second = cell(0), cell(1)
    right = {
        first.cell_id: np.array([True] * 80 + [True] * 12 + [False] * 3 + [False] * 5),
        second.cell_id: np.array([True] * 80 + [False] * 12 + [True] * 3 + [False] * 5),
    }
    (contrast,) = compare([(first, second)], right)
    assert (contrast.only_first, contrast.only_second) == (12, 3)
    assert contrast.difference == pytest.approx(0.09)
    assert contrast.p == pytest.approx(binomtest(3, 15).pvalue)
    assert contrast.verdict == "first is better"


def test_the_best_of_each_data_set_is_tested_against_its_others() -> None:
    records = [cell(0, 180), cell(1, 190), cell(2, 150), cell(3, 100, "e"), cell(4, 110, "e")]
    couples = [(one.cell.seed, other.cell.seed) for one, other in best_against_rest(records)]
    assert couples == [(1, 0), (1, 2), (4, 3)]


def test_cells_that_saw_other_images_are_refused() -> None:
    with pytest.raises(ValueError, match="tested on different images"):
        compare([(cell(0), cell(1, fingerprint="e"))], {})


# Computed by hand: sorted 0.01, 0.02, 0.03, 0.04 times 4, 3, 2, 1, then never falling.
def test_holm_by_hand() -> None:
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_holm_keeps_false_alarms_at_five_percent() -> None:
    generator = np.random.default_rng(0)
    alarms = sum(min(holm(list(generator.uniform(size=24)))) < 0.05 for _ in range(2000))
    assert alarms <= 0.05 * 2000 + 3 * (0.05 * 0.95 * 2000) ** 0.5
