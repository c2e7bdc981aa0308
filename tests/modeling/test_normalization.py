"""BatchNormalization keeps its statistics while its scale and offset are trained."""

from typing import Any

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from tlbench.modeling.normalization import hold_statistics, holds_statistics, set_momentum  # noqa: E402
from tlbench.training.fused_norm import fuse_normalization  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # TensorFlow's own
IMAGES = np.random.default_rng(0).normal(3, 2, (16, 4, 4, 2)).astype(np.float32)


def model() -> Any:
    """A convolution, and a BatchNormalization in a nested model with statistics of its own."""
    inner = keras.Sequential([keras.Input((4, 4, 2)), keras.layers.BatchNormalization(name="norm")], name="inner")
    inputs = keras.Input((4, 4, 2))
    outputs = keras.layers.Flatten()(inner(inputs))
    made = keras.Model(inputs, keras.layers.Dense(1)(outputs))
    norm = inner.get_layer("norm")
    norm.moving_mean.assign([1.0, -1.0])
    norm.moving_variance.assign([4.0, 0.25])
    return made


def norm(of: Any) -> Any:
    return of.get_layer("inner").get_layer("norm")


def state(of: Any) -> list[np.ndarray]:
    """Moving mean, moving variance, scale."""
    layer = norm(of)
    return [keras.ops.convert_to_numpy(one.value) for one in (layer.moving_mean, layer.moving_variance, layer.gamma)]


@pytest.mark.parametrize("fused", [False, True])
def test_training_sees_what_prediction_sees_and_moves_no_statistic(fused: bool) -> None:
    keras.utils.set_random_seed(0)
    made = model()
    if fused:
        assert fuse_normalization(made) == 1
    assert hold_statistics(made) == 1
    assert holds_statistics(norm(made))
    if not fused:
        np.testing.assert_array_equal(made(IMAGES, training=True), made(IMAGES, training=False))
    made.compile(optimizer=keras.optimizers.SGD(0.001), loss="mse")
    before = state(made)
    made.fit(IMAGES, np.ones(16), epochs=2, batch_size=8, verbose=0)
    after = state(made)
    np.testing.assert_array_equal(before[0], after[0])
    np.testing.assert_array_equal(before[1], after[1])
    assert np.abs(before[2] - after[2]).max() > 1e-5, "the scale is trained all the same"


def test_without_it_the_statistics_move() -> None:
    made = model()
    made.compile(optimizer=keras.optimizers.SGD(0.0), loss="mse")
    made.fit(IMAGES, np.ones(16), verbose=0)
    assert np.abs(state(made)[0] - [1.0, -1.0]).max() > 1e-3


def test_fusing_after_holding_still_holds() -> None:
    made = model()
    hold_statistics(made)
    fuse_normalization(made)
    np.testing.assert_allclose(made(IMAGES, training=True), made(IMAGES, training=False), atol=1e-6)


@pytest.mark.parametrize("fused", [False, True])
def test_a_momentum_says_how_much_of_the_statistics_a_step_keeps(fused: bool) -> None:
    made = model()
    if fused:
        assert fuse_normalization(made) == 1
    set_momentum(made, 0.75)
    before, seen = state(made), IMAGES.mean(axis=(0, 1, 2))
    made(IMAGES, training=True)
    np.testing.assert_allclose(state(made)[0], 0.75 * before[0] + 0.25 * seen, rtol=1e-5)
