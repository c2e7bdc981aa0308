"""The fused BatchNormalization against Keras' own: outputs, moving statistics, gradients and whole trainings."""

from typing import Any

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from tlbench.training.fused_norm import fuse_normalization  # noqa: E402

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # TensorFlow's own
    pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="only TensorFlow has the fused operation"),
]


def model(**options: object) -> Any:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6, 6, 3))
    x = keras.layers.Conv2D(4, 3)(inputs)
    x = keras.layers.BatchNormalization(name="norm", momentum=0.9, **options)(x)
    x = keras.layers.Activation("relu")(x)
    outputs = keras.layers.Dense(2, activation="softmax")(keras.layers.Flatten()(x))
    made = keras.Model(inputs, outputs)
    norm = made.get_layer("norm")
    draw = np.random.default_rng(0)
    norm.set_weights([draw.uniform(0.5, 1.5, one.shape) for one in norm.weights])
    return made


def both(**options: object) -> tuple[Any, Any]:
    plain, fused = model(**options), model(**options)
    assert fuse_normalization(fused) == 1
    return plain, fused


def images(count: int) -> np.ndarray:
    return np.random.default_rng(1).normal(2, 3, (count, 6, 6, 3)).astype("float32")


@pytest.mark.parametrize("options", [{}, {"scale": False}, {"center": False}], ids=str)
@pytest.mark.parametrize("training", [True, False])
def test_outputs_and_moving_statistics_are_the_same(options: dict[str, bool], training: bool) -> None:
    plain, fused = both(**options)
    for count in (8, 1):
        expected, found = (one(images(count), training=training) for one in (plain, fused))
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    for one, other in zip(fused.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("options", [{}, {"scale": False}], ids=str)
def test_training_gives_the_same_weights(options: dict[str, bool]) -> None:
    pictures, labels = images(40), np.arange(40) % 2
    trained = []
    for made in both(**options):
        made.compile(keras.optimizers.SGD(0.01), "sparse_categorical_crossentropy", jit_compile=False)
        made.fit(pictures, labels, batch_size=16, epochs=3, shuffle=False, verbose=0)
        trained.append(made.get_weights())
    for one, other in zip(*trained, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_a_frozen_layer_keeps_its_statistics() -> None:
    _, fused = both()
    norm = fused.get_layer("norm")
    norm.trainable = False
    before = norm.get_weights()
    fused(images(8), training=True)
    for one, other in zip(norm.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)


def test_layers_of_nested_models_are_found_and_what_does_not_fit_stays() -> None:
    inner = model()
    outer = keras.Sequential([keras.Input((6, 6, 3)), inner, keras.layers.BatchNormalization()])
    assert fuse_normalization(outer) == 1  # the last one normalises vectors
    half = keras.layers.BatchNormalization(dtype="mixed_float16")
    assert fuse_normalization(keras.Sequential([keras.Input((6, 6, 3)), half])) == 0
    across = keras.layers.BatchNormalization(axis=1)
    assert fuse_normalization(keras.Sequential([keras.Input((6, 6, 3)), across])) == 0
