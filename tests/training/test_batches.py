"""Batches of one size over splits of any size: each image counts once, and few go through twice."""

from pathlib import Path

import numpy as np
import pytest

from tlbench.training.batches import fewest_repeated, in_order


@pytest.mark.parametrize(
    ("counts", "size", "run"),
    [
        ((16, 8, 16), 8, 40),  # 96 with batches of 32
        ((20, 12, 20), 20, 60),
        ((400, 400, 200), 32, 1056),  # another saves less than a tenth
        ((2000, 500, 1000), 32, 3552),
        ((36, 36, 36), 18, 108),  # 192 with batches of 32
        ((1, 1, 1), 1, 3),
    ],
)
def test_small_splits_are_not_filled_up_to_the_largest_batch(counts: tuple[int, ...], size: int, run: int) -> None:
    assert fewest_repeated(counts, 32) == size
    splits = [np.arange(count) for count in counts]
    batches = [list(in_order([split], size)) for split in splits]
    assert sum(len(np.asarray(batch)) for of in batches for batch, _ in of) == run
    for split, of in zip(splits, batches, strict=True):
        kept = np.concatenate([np.asarray(batch)[:count] for batch, count in of])
        assert kept.tolist() == split.tolist()


@pytest.mark.parametrize(
    ("count", "batch", "sizes"), [(3, 100_000, [4]), (50, 64, [64]), (50, 32, [32, 32]), (1, 8, [1])]
)
def test_no_batch_is_filled_up_far_beyond_the_images_there_are(count: int, batch: int, sizes: list[int]) -> None:
    """A power of two, so that splits of nearly one size share a trace."""
    evaluate = pytest.importorskip("tlbench.training.evaluate")
    seen = list[int]()

    class Played:
        def predict_on_batch(self, images: np.ndarray) -> np.ndarray:
            seen.append(len(images))
            return images[:, 0, 0, :1]

    pictures = np.arange(count, dtype=np.float32)[:, None, None, None] * np.ones((1, 2, 2, 3), np.float32)
    assert evaluate.outputs_of(Played(), [pictures], batch)[:, 0].tolist() == list(range(count))
    assert seen == sizes


def test_a_batch_of_a_file_that_is_mapped_is_a_copy_that_may_be_written(tmp_path: Path) -> None:
    """torch.compile refuses views of read-only memory."""
    np.arange(24, dtype=np.uint8).tofile(tmp_path / "images")
    images = np.memmap(tmp_path / "images", np.uint8, "r", shape=(4, 6))
    for batch, _ in in_order([images], 3):
        assert isinstance(batch, np.ndarray)
        assert batch.flags.writeable
        assert not np.shares_memory(batch, images)
