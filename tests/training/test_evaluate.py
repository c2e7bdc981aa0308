"""Predictions of a whole split, batch by batch."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("keras")

from tlbench.datasets.source import FileSplit
from tlbench.training.evaluate import VECTORS, outputs_of


class Summing:
    """Stands in for a model: the output of an image is the sum of its values."""

    def __init__(self) -> None:
        self.batches = list[int]()

    def predict_on_batch(self, images: Any) -> Any:
        self.batches.append(len(images))
        return images.reshape(len(images), -1).sum(axis=1, keepdims=True)


@pytest.mark.parametrize(
    ("shape", "asked", "expected"),
    [((3,), 32, VECTORS), ((3,), 2 * VECTORS, 2 * VECTORS), ((2, 2, 3), 32, 32)],
    ids=["vectors", "vectors in larger batches", "images"],
)
def test_vectors_are_predicted_in_batches_that_are_worth_the_call(
    shape: tuple[int, ...], asked: int, expected: int
) -> None:
    model: Any = Summing()
    images = np.random.default_rng(0).normal(size=(300, *shape)).astype("float32")
    outputs = outputs_of(model, [images], asked)
    assert model.batches == [expected] * -(-300 // expected)
    np.testing.assert_allclose(outputs[:, 0], images.reshape(300, -1).sum(axis=1), rtol=1e-6)


def test_files_are_decoded_batch_by_batch(tmp_path: Path) -> None:
    """ImageNet's validation images, which are no array, and of which none can be asked for."""
    files = [f"{number}.png" for number in range(5)]
    for number, file in enumerate(files):
        Image.new("RGB", (50, 40), (number, 0, 0)).save(tmp_path / file)
    crops, _ = FileSplit(tmp_path, tuple((file, 0) for file in files), 32, {"x": 5}).open(0.875)
    model: Any = Summing()
    outputs = outputs_of(model, [crops], 2)
    assert model.batches == [2, 2, 2]
    np.testing.assert_array_equal(outputs[:, 0], np.arange(5) * 32 * 32)
