"""Classifiers in the middle of a backbone that are trained along, against NumPy."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests import builders
from tests.narrow import present
from tlbench.core.cell import Head, Named
from tlbench.core.training import Training

keras = pytest.importorskip("keras")

from tlbench.backbones.spec import Auxiliary  # noqa: E402
from tlbench.modeling.assemble import Assembled, build  # noqa: E402
from tlbench.modeling.auxiliary import auxiliary_head, with_auxiliary  # noqa: E402
from tlbench.training.batches import Batches  # noqa: E402
from tlbench.training.second_head import AuxiliaryHeads  # noqa: E402
from tlbench.training.trainer import Trainer  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # TensorFlow's own

OWN = Auxiliary(("block1_pool", "block2_pool"), f"{__name__}:classifiers", 46)
SIZE = 46
TRAIN = Training(epochs=1, batch_size=4, optimizer="sgd", learning_rate=0.1)


def classifiers(shapes: Any, units: int, activation: str) -> Any:
    """Without dropout, so that NumPy can follow."""
    maps = [keras.Input(shape) for shape in shapes]
    pooled = [keras.layers.GlobalAveragePooling2D()(one) for one in maps]
    return keras.Model(maps, [keras.layers.Dense(units, activation)(one) for one in pooled], name="auxiliary")


def made(output: Any = "softmax", weight: float = 0.3) -> tuple[Assembled, AuxiliaryHeads, Any]:
    cell = builders.cell(
        backbone=Named(name="SmallConvNet"),
        weights="random",
        strategy=Named(name="scratch"),
        head=Head(output=output),
        image_size=SIZE,
        train=TRAIN,
    )
    assembled = build(cell, 2, None)
    draw = auxiliary_head(assembled, OWN, cell.head, 2)
    head = draw()
    return assembled, AuxiliaryHeads(with_auxiliary(assembled, OWN, head), head, weight, draw), cell


def images() -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    draw = np.random.default_rng(0)
    return draw.integers(0, 256, (4, SIZE, SIZE, 3), np.uint8), np.array([0, 1, 1, 0], np.int32)


@pytest.mark.parametrize("output", ["softmax", "sigmoid"])
def test_the_loss_is_that_of_the_model_and_three_tenths_of_each_classifiers(output: str) -> None:
    assembled, along, cell = made(output)
    pictures, labels = images()
    own, *beside = (np.asarray(one, np.float64) for one in along.model(pictures.astype("float32")))
    np.testing.assert_allclose(assembled.model(pictures.astype("float32")), own, rtol=1e-5)
    trainer = Trainer(assembled.model, cell, jit=False, along=along)
    (batch,) = list(Batches([pictures], labels, 4, along=along.targets))
    before = [one.get_weights() for one in (assembled.backbone, along.head)]
    found = along.model.train_on_batch(*batch, return_dict=True)

    def cross_entropy(predicted: NDArray[np.float64]) -> float:
        both = np.hstack([1 - predicted, predicted]) if output == "sigmoid" else predicted
        return float(-np.log(both[np.arange(4), labels]).mean())

    loss = cross_entropy(own) + 0.3 * sum(map(cross_entropy, beside))
    assert float(found["loss"]) == pytest.approx(loss, rel=1e-4)
    assert trainer.model is assembled.model
    for weights, model in zip(before, (assembled.backbone, along.head), strict=True):
        assert any(not np.array_equal(old, new) for old, new in zip(weights, model.get_weights(), strict=True))


def test_gradients_reach_the_middle_in_proportion_to_the_weight() -> None:
    """The step of the first block less that without classifiers grows with their weight."""
    moved = []
    for weight in (0.0, 0.3, 0.6):
        assembled, along, cell = made(weight=weight)
        along.restore(0)
        kernel = assembled.backbone.get_layer("block1_conv").kernel
        before = keras.ops.convert_to_numpy(kernel.value)
        Trainer(assembled.model, cell, jit=False, along=along)
        (batch,) = list(Batches([images()[0]], images()[1], 4, along=along.targets))
        along.model.train_on_batch(*batch)
        moved.append(keras.ops.convert_to_numpy(kernel.value) - before)
    assert np.abs(moved[1] - moved[0]).max() > 1e-5
    np.testing.assert_allclose(moved[2] - moved[0], 2 * (moved[1] - moved[0]), rtol=1e-2, atol=1e-6)


def test_first_weights_follow_from_the_seed_alone() -> None:
    _, along, _ = made()
    drawn = []
    for seed in (3, 4, 3):
        along.restore(seed)
        drawn.append(np.concatenate([one.ravel() for one in along.head.get_weights()]))
    np.testing.assert_array_equal(drawn[0], drawn[2])
    assert not np.array_equal(drawn[0], drawn[1])


def test_the_weight_of_an_image_counts_for_each_classifier() -> None:
    _, along, _ = made()
    (batch,) = list(
        Batches([images()[0]], images()[1], 4, class_weights=np.array([2, 0.5], np.float32), along=along.targets)
    )
    _, labels, weights = present(batch)
    assert [one.tolist() for one in labels] == [[0, 1, 1, 0]] * 3
    assert [one.tolist() for one in weights] == [[2, 0.5, 0.5, 2]] * 3


def test_one_classifier_is_no_list() -> None:
    assembled, along, cell = made()
    own = replace(OWN, layers=OWN.layers[:1])
    head = auxiliary_head(assembled, own, cell.head, 2)()
    assert len(with_auxiliary(assembled, own, head).outputs) == 2
    assert along.calibration is None
