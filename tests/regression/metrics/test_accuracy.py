"""Accuracy: image by image, seed by seed, and the luck of training."""

from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest

from tests import builders
from tests.regression.sides import RIGHT, judged, made, number
from tlbench.core.cell import Named
from tlbench.regression.metrics.accuracy import ONE_TRAINING, SEEDS_VARY


def test_accuracy_is_judged_image_by_image() -> None:
    worse = RIGHT.copy()
    worse[1:13] = False
    found = judged([made()], [made(worse)])
    accuracy = number(found, "accuracy")
    assert accuracy.verdict == "regressed"
    assert accuracy.effect == pytest.approx(-0.055)
    assert accuracy.adjusted == pytest.approx(2 / 2**11)
    assert accuracy.low is not None
    assert accuracy.high is not None
    assert accuracy.low < -0.055 < accuracy.high < 0
    assert judged([made(worse)], [made()]).of("improved")
    assert number(judged([made()], [made(worse)], accuracy=0.1), "accuracy").verdict == "unchanged"


def test_with_one_seed_it_is_mcnemars_exact_test() -> None:
    worse = RIGHT.copy()
    worse[1:13], worse[0], worse[10] = False, True, True  # 11 lost (one of the 12 was wrong already), 2 won
    lost, won = int((RIGHT & ~worse).sum()), int((worse & ~RIGHT).sum())
    accuracy = number(judged([made()], [made(worse)]), "accuracy")
    assert accuracy.adjusted == pytest.approx(binomtest(won, won + lost).pvalue)


def test_each_block_of_seeds_is_one_test_of_its_family() -> None:
    worse = RIGHT.copy()
    worse[1:13] = False
    cells = [builders.cell(strategy=Named(name=name), seed=seed) for name in ("frozen", "full") for seed in range(2)]
    found = judged([made(of=cell) for cell in cells], [made(worse, of=cell) for cell in cells])
    accuracies = [judgement for judgement in found.judgements if judgement.metric == "accuracy"]
    assert [(each.cell.id, each.seeds) for each in accuracies] == [(cells[0].id, 2), (cells[2].id, 2)]
    assert [each.adjusted for each in accuracies] == pytest.approx([2 * 2 / 2**11] * 2)  # Holm: twice each p


def test_a_small_loss_that_may_be_chance_is_inconclusive_and_says_how_many_images_decide() -> None:
    worse = RIGHT.copy()
    worse[1:7], worse[0] = False, True
    accuracy = number(judged([made()], [made(worse)]), "accuracy")
    assert accuracy.verdict == "inconclusive"
    assert "test images" in accuracy.decide


def test_seeds_are_one_block() -> None:
    cells = [builders.cell(seed=seed) for seed in range(3)]
    worse = RIGHT.copy()
    worse[1:5] = False
    found = judged([made(of=cell) for cell in cells], [made(worse, of=cell) for cell in cells])
    accuracy = number(found, "accuracy")
    assert accuracy.seeds == 3
    assert accuracy.adjusted == pytest.approx(2 / 2**4)  # four images, however many seeds


def test_one_training_a_side_may_have_been_lucky() -> None:
    worse = RIGHT.copy()
    worse[1:10] = False  # 4.5 points, significant on the images
    accuracy = number(judged([made()], [made(worse)]), "accuracy")
    assert (accuracy.verdict, accuracy.reason) == ("inconclusive", ONE_TRAINING)
    assert accuracy.decide == "more seeds"


def test_a_difference_that_seeds_of_one_side_show_too_is_no_regression() -> None:
    cells = [builders.cell(seed=seed) for seed in range(3)]
    lost = [RIGHT.copy() for _ in cells]
    for count, right in enumerate(lost):
        right[1 : 4 + 9 * count] = False  # 1.5, 5.5 and 9.5 points
    found = judged(
        [made(of=one) for one in cells], [made(right, of=one) for one, right in zip(cells, lost, strict=True)]
    )
    accuracy = number(found, "accuracy")
    assert accuracy.effect is not None
    assert accuracy.effect < -0.05
    assert (accuracy.verdict, accuracy.reason) == ("inconclusive", SEEDS_VARY)


def test_without_answers_the_proportions_are_compared() -> None:
    bare = [made(right).model_copy(update={"right": None}) for right in (RIGHT, RIGHT & (np.arange(200) > 60))]
    accuracy = number(judged(bare[:1], bare[1:]), "accuracy")
    assert (accuracy.verdict, accuracy.reason) == ("regressed", "two proportions")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"data": "0" * 64}, "trained and tested on other images"),
        ({"weights": "b" * 64}, "started from other weights"),
        ({"fallbacks": ("synthetic data",)}, "stand-ins differ: none in the base, synthetic data now"),
    ],
)
def test_accuracies_of_other_images_weights_or_stand_ins_are_not_judged(changes: dict[str, Any], reason: str) -> None:
    accuracy = number(judged([made()], [made().model_copy(update=changes)]), "accuracy")
    assert (accuracy.verdict, accuracy.reason) == ("not comparable", reason)
