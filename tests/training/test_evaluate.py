"""Predictions of a whole split, batch by batch."""

from typing import Any

import numpy as np
import pytest

pytest.importorskip("keras")

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
