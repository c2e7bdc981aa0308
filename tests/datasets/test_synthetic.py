"""Drawn pictures are repeatable, and learnable without being trivial."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tlbench.core.cell import Limit, Named
from tlbench.core.errors import UserError
from tlbench.datasets import locate, registry, synthetic
from tlbench.datasets.image_folder import read_folder
from tlbench.datasets.layout import SplitRule
from tlbench.datasets.prepare import prepare
from tlbench.datasets.spec import DatasetInfo

SIZE = 32
LEARNED = 0.98
"""Accuracy on the pictures of training after which more epochs are of no use."""
Set = tuple[NDArray[np.uint8], NDArray[np.int32]]


def pictures(classes: int, per_class: int, split: int) -> Set:
    drawn = [synthetic.draw(label, SIZE, (7, split, label, n)) for label in range(classes) for n in range(per_class)]
    return np.stack(drawn), np.repeat(np.arange(classes, dtype=np.int32), per_class)


@pytest.fixture(scope="module", params=[2, 6], ids=["two classes", "six classes"])
def sets(request: pytest.FixtureRequest) -> tuple[Set, Set]:
    return pictures(request.param, 250, 0), pictures(request.param, 100, 1)


def test_the_same_seed_draws_the_same_picture_and_another_seed_another() -> None:
    first = synthetic.draw(2, 32, (1, 2, 3))
    assert np.array_equal(first, synthetic.draw(2, 32, (1, 2, 3)))
    assert not np.array_equal(first, synthetic.draw(2, 32, (1, 2, 4)))
    assert first.shape == (32, 32, 3)
    assert first.dtype == np.uint8


def test_a_linear_model_on_pixels_stays_below_75_percent(sets: tuple[Set, Set]) -> None:
    (images, labels), (test_images, test_labels) = sets
    flat = images.reshape(len(images), -1) / 127.5 - 1
    test_flat = test_images.reshape(len(test_images), -1) / 127.5 - 1
    targets = np.eye(labels.max() + 1)[labels] - 1 / (labels.max() + 1)
    best, products = 0.0, flat @ flat.T
    for penalty in (1.0, 100.0, 10000.0):
        # Ridge regression on one-hot targets in its dual form: as many unknowns as pictures, not as pixels.
        dual = np.linalg.solve(products + penalty * np.eye(len(flat)), targets)
        best = max(best, float(((test_flat @ (flat.T @ dual)).argmax(1) == test_labels).mean()))
    assert best < 0.75


def test_a_small_network_from_scratch_gets_above_90_percent(sets: tuple[Set, Set]) -> None:
    keras = pytest.importorskip("keras")
    (images, labels), (test_images, test_labels) = sets
    keras.utils.set_random_seed(0)
    layers = keras.layers
    blocks = [
        layer
        for filters in (16, 32, 64)
        for layer in (layers.Conv2D(filters, 5, padding="same", activation="relu"), layers.MaxPooling2D())
    ]
    classifier = [layers.GlobalMaxPooling2D(), layers.Dense(int(labels.max()) + 1, activation="softmax")]
    model = keras.Sequential([keras.Input((SIZE, SIZE, 3)), layers.Rescaling(1 / 127.5, -1), *blocks, *classifier])
    loss = "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.Adam(2e-3), loss, metrics=["accuracy"], jit_compile=False)
    model.fit(
        images,
        labels,
        epochs=20,
        batch_size=32,
        verbose=0,
        callbacks=[
            keras.callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs: setattr(model, "stop_training", logs["accuracy"] > LEARNED)
            )
        ],
    )
    assert model.evaluate(test_images, test_labels, verbose=0)[1] > 0.90


def test_there_are_only_so_many_textures() -> None:
    with pytest.raises(ValueError, match="at most 6 synthetic classes"):
        synthetic.draw(len(synthetic.TEXTURES), 32, (0,))


@pytest.mark.parametrize("name", ["ten", "synthetic"])
def test_more_classes_than_textures_are_refused_before_anything_is_drawn(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = DatasetInfo("ten", "Ten", tuple("abcdefghij"), "it is nowhere")
    for module in (locate, registry):
        monkeypatch.setattr(module, "DATASETS", {"ten": info})
    dataset = Named(name=name, args={"like": "ten"} if name == "synthetic" else {})
    with pytest.raises(
        UserError, match="data set ten has 10 classes, and synthetic images can have at most 6; use real images"
    ):
        prepare(dataset, Limit(), SIZE, root=None, path=None, cache=tmp_path, fallback_synthetic=True)


def test_a_tree_of_pictures_has_the_layout_of_a_data_set(tmp_path: Path) -> None:
    counts = {"train": 4, "validation": 2, "test": 3}
    synthetic.write_tree(tmp_path, ("cats", "dogs"), counts, 16)
    layout = read_folder(tmp_path, SplitRule())
    assert layout.classes == ("cats", "dogs")
    assert {split: {name: len(files) for name, files in found.items()} for split, found in layout.files.items()} == {
        split: {"cats": count, "dogs": count} for split, count in counts.items()
    }
