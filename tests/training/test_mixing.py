"""What settings of training make of a batch, against sums done by hand."""

from typing import Any

import numpy as np
import pytest
from PIL import Image

from tlbench.core.training import RandAugment, Training
from tlbench.training.mixing import BatchChange, cutmix, in_parts, mixup
from tlbench.training.rand_augment import CHANGES, rand_augment

LABELS = np.array([0, 2, 1, 2], np.int32)


def images(size: int = 16) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (4, size, size, 3), np.uint8)


def change(units: int = 3, **settings: Any) -> BatchChange:
    return BatchChange(Training(epochs=1, batch_size=4, optimizer="adam", learning_rate=1.0, **settings), units)


def draw(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_labels_in_parts() -> None:
    np.testing.assert_array_equal(in_parts(LABELS, 3), [[1, 0, 0], [0, 0, 1], [0, 1, 0], [0, 0, 1]])
    np.testing.assert_array_equal(in_parts(np.array([0, 1], np.int32), 1), [[0], [1]])


def test_mixup_is_the_weighted_sum_and_bytes_stay_bytes() -> None:
    found = mixup(images(), np.array([1, 0, 3, 2]), 0.3)
    assert found.dtype == np.uint8
    expected = 0.3 * images().astype(float) + 0.7 * images()[[1, 0, 3, 2]].astype(float)
    assert np.abs(found - expected).max() <= 0.5 + 1e-9


def test_cutmix_takes_a_box_and_the_share_is_that_of_the_pixels() -> None:
    plain, partner = np.zeros((2, 16, 16, 3), np.uint8), np.array([1, 0])
    plain[1] = 255
    for seed in range(50):
        found, share = cutmix(plain, partner, 0.4, draw(seed))
        assert share == pytest.approx((found[0] == 0).mean())
        assert share == pytest.approx((found[1] == 255).mean())
        assert 0.4 <= share < 1, "what lies outside is cut off, so at least that is left"


@pytest.mark.parametrize("settings", [{"mixup": 0.4}, {"cutmix": 1.0}, {"mixup": 0.4, "cutmix": 1.0}])
def test_labels_have_the_shares_of_their_images(settings: Any) -> None:
    plain = np.zeros((4, 16, 16, 3), np.uint8)
    for number, label in enumerate(LABELS):
        plain[number, ..., label] = 200  # the mean of a channel tells how much of its class is in an image
    for seed in range(20):
        found, labels = change(**settings)(plain, LABELS, draw(seed))
        np.testing.assert_allclose(found.mean(axis=(1, 2)) / 200, labels, atol=0.003)


def test_the_share_is_drawn_from_the_beta_distribution() -> None:
    plain = np.zeros((2, 8, 8, 3), np.uint8)
    shares = [change(2, mixup=0.2)(plain, np.array([0, 1], np.int32), draw(seed))[1][0, 0] for seed in range(2000)]
    mixed = np.array([share for share in shares if share < 1])  # the others met themselves
    assert mixed.mean() == pytest.approx(0.5, abs=0.04)
    assert mixed.var() == pytest.approx(0.25 / 1.4, abs=0.02), "of Beta(0.2, 0.2): 1 / (4 (2 a + 1))"


def test_both_take_turns() -> None:
    plain = np.zeros((2, 16, 16, 3), np.uint8)
    plain[1] = 255
    both = [change(2, mixup=1.0, cutmix=1.0)(plain, np.array([0, 1], np.int32), draw(seed))[0] for seed in range(300)]
    blended = [set(np.unique(one)) - {0, 255} != set() for one in both]
    assert 60 < sum(blended) < 110, "half of the batches, less those in which each image meets itself"


def test_same_numbers_same_bits() -> None:
    asked = change(mixup=0.2, cutmix=1.0, rand_augment=RandAugment())
    one, other, third = (asked(images(), LABELS, draw(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one[0], other[0])
    np.testing.assert_array_equal(one[1], other[1])
    assert not np.array_equal(one[0], third[0])


def test_smoothing_alone_leaves_images_to_the_loss() -> None:
    found, labels = change(label_smoothing=0.1)(images(), LABELS, draw())
    np.testing.assert_array_equal(found, images())
    np.testing.assert_array_equal(labels, in_parts(LABELS, 3))


def test_strength_nought_changes_next_to_nothing() -> None:
    smooth = np.linspace(0, 255, 4 * 32 * 32 * 3).reshape(4, 32, 32, 3).astype(np.uint8)
    for operation in CHANGES[3:]:
        found = np.asarray(operation(Image.fromarray(smooth[0]), 0.0)).astype(int)
        assert np.abs(found - smooth[0]).max() <= 1


def test_shifts_and_rotations_have_the_ranges_of_the_paper() -> None:
    dot = np.zeros((100, 100, 3), np.uint8)
    dot[50:54, 50:54] = 255
    places = []
    for operation in CHANGES[-2:]:
        found = np.asarray(operation(Image.fromarray(dot), 1.0))[..., 0] == 255
        places.append(np.argwhere(found).mean(axis=0) - 51.5)
    np.testing.assert_allclose(places, [[0, -45], [-45, 0]], atol=1)
    line = np.zeros((101, 101, 3), np.uint8)
    line[50, 60:95] = 255
    turned = np.argwhere(np.asarray(CHANGES[3](Image.fromarray(line), 1.0))[..., 0] > 100).mean(axis=0) - 50
    assert np.degrees(np.arctan2(-turned[0], turned[1])) == pytest.approx(30, abs=1.5)


def test_each_image_draws_its_own_changes_and_all_fourteen_come() -> None:
    same = np.repeat(images()[:1], 200, axis=0)
    found = rand_augment(same, 1, 9.0, draw())
    assert len({one.tobytes() for one in found}) > 14, "with directions"
    assert (found == same).all(axis=(1, 2, 3)).mean() == pytest.approx(1 / 14, abs=0.08), "identity is one of them"
