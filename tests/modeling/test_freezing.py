"""Freezing fixes the first layers as they are, and can be undone."""

from typing import Any

import pytest

keras = pytest.importorskip("keras")
import numpy as np  # noqa: E402

from tlbench.modeling.freezing import Freezing  # noqa: E402
from tlbench.modeling.layers import leaves  # noqa: E402
from tlbench.strategies.base import Part  # noqa: E402


def backbone() -> Any:
    inputs = keras.Input((8,))
    inner = keras.Sequential(
        [keras.Input((8,)), keras.layers.Dense(8, name="inside"), keras.layers.Dropout(0.4, name="inner_drop")],
        name="inner",
    )
    outputs = keras.layers.Dropout(0.2, name="drop")(keras.layers.Dense(8, name="dense")(inputs))
    norm = keras.layers.BatchNormalization(name="fixed", trainable=False)
    return keras.Model(inputs, norm(inner(outputs)), name="backbone")


def rates(model: Any) -> dict[str, float]:
    return {leaf.name: leaf.rate for leaf in leaves(model) if hasattr(leaf, "rate")}


def trained(model: Any) -> set[str]:
    return {leaf.name for leaf in leaves(model) if leaf.trainable_weights}


def test_frozen_layers_drop_nothing_and_train_nothing() -> None:
    model = backbone()
    Freezing(model).freeze(Part(frozen=3))
    assert rates(model) == {"drop": 0, "inner_drop": 0.4}
    assert trained(model) == {"inside"}
    Freezing(model).freeze(Part(frozen=len(model.layers)))
    images = np.ones((16, 8), np.float32)
    assert np.array_equal(model(images, training=True), model(images, training=False))


def test_freeing_brings_back_what_was_built() -> None:
    model = backbone()
    as_built = rates(model), trained(model)
    freezing = Freezing(model)
    for frozen in (len(model.layers), 2, 0):
        freezing.freeze(Part(frozen=frozen))
    assert (rates(model), trained(model)) == as_built == ({"drop": 0.2, "inner_drop": 0.4}, {"dense", "inside"})


@pytest.mark.parametrize("frozen", [0, 1, 2, 3, 4, 5])
def test_going_down_step_by_step_is_freezing_at_once(frozen: int) -> None:
    stepwise, at_once = backbone(), backbone()
    freezing = Freezing(stepwise)
    for number in range(len(stepwise.layers), frozen - 1, -1):
        freezing.freeze(Part(frozen=number))
    Freezing(at_once).freeze(Part(frozen=frozen))
    assert rates(stepwise) == rates(at_once)
    assert trained(stepwise) == trained(at_once)
