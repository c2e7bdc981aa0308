"""Accuracy: the seed is the unit, and images alone decide only where luck has no part."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest, ttest_ind

from tests import builders
from tests.regression.sides import RIGHT, judged, made, number, side
from tlbench.core.cell import Head, Limit, Named
from tlbench.regression.comparison import Comparison, compare
from tlbench.regression.entries import Entry
from tlbench.regression.gates import Gates
from tlbench.regression.metrics.accuracy import GATE_OF_NOTHING, MORE_SEEDS, ONE_TRAINING, why_not_accuracy
from tlbench.reporting.comparison_formats import COMPARISON_FORMATS
from tlbench.reporting.views.comparison import headline

PRETRAINED = builders.cell(strategy=Named(name="pretrained"), train=None, head=Head(name="imagenet"))


def lost(count: int) -> np.ndarray:
    """Answers to 200 images, of which `count` more are wrong than in RIGHT."""
    right: np.ndarray = RIGHT.copy()
    right[np.flatnonzero(RIGHT)[:count]] = False
    return right


def seeds(counts: Sequence[int], **changes: Any) -> list[Entry]:
    """A cell trained once with each seed, which lost so many images each."""
    return [made(lost(count), of=builders.cell(seed=seed, **changes)) for seed, count in enumerate(counts)]


def test_one_training_a_side_is_shown_and_never_judged() -> None:
    for worse in (lost(0), lost(9), lost(120)):
        found = judged([made()], [made(worse)])
        accuracy = number(found, "accuracy")
        assert (accuracy.verdict, accuracy.reason, accuracy.decide) == ("inconclusive", ONE_TRAINING, MORE_SEEDS)
        assert accuracy.effect == pytest.approx((worse.sum() - RIGHT.sum()) / 200)
        assert (accuracy.low, accuracy.high, accuracy.adjusted) == (None, None, None)
        assert found.exit_code == 0


def test_a_loss_that_all_seeds_show_is_regressed_and_a_gain_improved() -> None:
    base, new = seeds([0, 1, 2]), seeds([20, 21, 22])
    found = judged(base, new)
    accuracy = number(found, "accuracy")
    assert (accuracy.verdict, accuracy.seeds, accuracy.effect) == ("regressed", 3, pytest.approx(-0.1))
    assert accuracy.low is not None
    assert accuracy.high is not None
    assert accuracy.low < -0.1 < accuracy.high < 0
    assert number(judged(new, base), "accuracy").verdict == "improved"
    assert number(judged(base, new, accuracy=0.2), "accuracy").verdict == "unchanged"


def test_seeds_that_are_judged_together_point_to_the_one_that_says_so_and_hidden_gains_are_counted() -> None:
    found = judged(seeds([20, 21, 22]), seeds([0, 1, 2]))
    said = str(COMPARISON_FORMATS["text"](found))
    assert said.count("as seed 0") == 2
    (first, *_) = [cell for cell in found.cells if any(each.verdict == "improved" for each in cell.judgements)]
    assert first.verdict != "improved", "its times are inconclusive"
    assert "; 1 number improved (of 3 cells" in headline(found)


def test_images_that_differ_in_number_are_told_with_it() -> None:
    few = made(of=builders.cell(limit=Limit(train=5))).model_copy(update={"data": "b" * 64})
    many = made(of=builders.cell(limit=Limit(train=60)))
    assert why_not_accuracy(many, few) == "trained or tested on other images (a class: train 60 → 5)"
    assert why_not_accuracy(many, many.model_copy(update={"data": "b" * 64})) == "trained or tested on other images"


def test_two_cells_whose_seeds_vary_alike_are_judged_by_the_seeds_of_both() -> None:
    """Student's test of one cell alone knows less than the suite: its p-value is the larger one."""
    names, base, new = ("frozen", "full"), [0, 2, 4], [8, 10, 12]
    sides = [[entry for name in names for entry in seeds(of, strategy=Named(name=name))] for of in (base, new)]
    accuracies = [each for each in judged(*sides).judgements if each.metric == "accuracy"]
    assert [each.seeds for each in accuracies] == [3, 3]
    assert all(each.adjusted is not None and each.adjusted < 2 * ttest_ind(base, new).pvalue for each in accuracies)


def test_a_difference_that_seeds_of_one_side_show_too_is_no_regression() -> None:
    accuracy = number(judged(seeds([0, 0, 0]), seeds([3, 11, 19])), "accuracy")
    assert accuracy.effect is not None
    assert accuracy.effect < -0.05
    assert accuracy.verdict == "inconclusive"
    assert "seeds a side" in accuracy.decide


def test_unchanged_knows_of_luck_as_well() -> None:
    """Means within half a point of each other say nothing where seeds spread by 5 points."""
    assert number(judged(seeds([0, 10, 20]), seeds([1, 10, 20])), "accuracy").verdict == "inconclusive"
    assert number(judged(seeds([9, 10, 11]), seeds([10, 9, 11])), "accuracy").verdict == "unchanged"


def test_equal_answers_are_unchanged_however_much_seeds_vary() -> None:
    assert number(judged(seeds([0, 10, 20]), seeds([0, 10, 20])), "accuracy").verdict == "unchanged"


def test_without_answers_the_accuracies_of_seeds_are_compared_all_the_same() -> None:
    base, new = ([entry.model_copy(update={"right": None}) for entry in seeds(of)] for of in ([0, 1, 2], [20, 21, 22]))
    assert number(judged(base, new), "accuracy").verdict == "regressed"


def untrained(base: np.ndarray, new: np.ndarray, **gates: Any) -> Comparison:
    return judged([made(base, of=PRETRAINED)], [made(new, of=PRETRAINED)], **gates)


def test_where_nothing_is_trained_images_alone_decide_by_mcnemars_exact_test() -> None:
    worse = RIGHT.copy()
    worse[1:13], worse[0], worse[10] = False, True, True  # 11 lost (one of the 12 was wrong already), 2 won
    gone, won = int((RIGHT & ~worse).sum()), int((worse & ~RIGHT).sum())
    accuracy = number(untrained(RIGHT, worse), "accuracy")
    assert (accuracy.verdict, accuracy.reason) == ("regressed", "McNemar")
    assert accuracy.adjusted == pytest.approx(binomtest(won, won + gone).pvalue)
    assert number(untrained(RIGHT, RIGHT), "accuracy").verdict == "unchanged"


def test_a_small_loss_without_training_says_how_many_images_would_decide() -> None:
    worse = RIGHT.copy()
    worse[1:7], worse[0] = False, True
    accuracy = number(untrained(RIGHT, worse), "accuracy")
    assert accuracy.verdict == "inconclusive"
    assert "test images" in accuracy.decide


def test_without_training_and_without_answers_proportions_are_compared() -> None:
    bare = [made(right, of=PRETRAINED).model_copy(update={"right": None}) for right in (RIGHT, lost(60))]
    accuracy = number(judged(bare[:1], bare[1:]), "accuracy")
    assert (accuracy.verdict, accuracy.reason) == ("regressed", "two proportions")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"data": "0" * 64}, "trained or tested on other images"),
        ({"weights": "b" * 64}, "started from other weights"),
        ({"fallbacks": ("synthetic data",)}, "stand-ins differ: none in the base, synthetic data now"),
    ],
)
def test_accuracies_of_other_images_weights_or_stand_ins_are_not_judged(changes: dict[str, Any], reason: str) -> None:
    accuracy = number(judged([made()], [made().model_copy(update=changes)]), "accuracy")
    assert (accuracy.verdict, accuracy.reason) == ("not comparable", reason)


@pytest.mark.parametrize("entries", [seeds([0, 0, 0, 0]), [made(of=PRETRAINED)]])
def test_a_gate_of_nothing_is_judged_and_asks_for_no_number_of_trainings(entries: list[Entry]) -> None:
    found = compare(side(*entries), side(*entries), Gates.model_validate({"accuracy": 0.0}))
    decided = {one.decide for one in found.judgements if one.metric == "accuracy"}
    assert decided <= {"", GATE_OF_NOTHING}
    assert decided


SOLVED = builders.cell(train=builders.cell().training.model_copy(update={"epochs": 0, "learning_rate": 0.0}))


def test_a_solved_head_has_no_luck_and_images_alone_decide() -> None:
    found = judged([made(of=SOLVED)], [made(lost(60), of=SOLVED)])
    accuracy = number(found, "accuracy")
    assert (accuracy.verdict, accuracy.reason, found.exit_code) == ("regressed", "McNemar", 1)
    drawn = SOLVED.model_copy(update={"weights": "random"})
    accuracy = number(judged([made(of=drawn)], [made(lost(60), of=drawn)]), "accuracy")
    assert (accuracy.verdict, accuracy.reason) == ("inconclusive", ONE_TRAINING)


@pytest.mark.parametrize("right", [900, 940, 960])
def test_a_loss_of_just_the_gate_is_not_beyond_it_whatever_its_binary_fraction(right: int) -> None:
    """0.90 - 0.88 is a little more than 0.02, 0.94 - 0.92 a little less."""
    base, new = np.arange(1000) < right, np.arange(1000) < right - 20
    accuracy = number(untrained(base, new, accuracy=0.02), "accuracy")
    assert (accuracy.verdict, accuracy.adjusted) == ("inconclusive", pytest.approx(0.5**19))
