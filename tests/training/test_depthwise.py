"""The depthwise convolution against Keras' grouped one: outputs, gradients, and where it is taken."""

from typing import Any

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from tlbench.training.depthwise import use_depthwise  # noqa: E402

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # TensorFlow's own
    pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="other backends have what Keras asks of them"),
]


def model(filters: int = 8, groups: int = 4, **options: object) -> Any:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((9, 7, 4))
    settings: dict[str, object] = {"padding": "same", "activation": "gelu", **options}
    x = keras.layers.Conv2D(filters, 3, groups=groups, name="grouped", **settings)(inputs)
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))


@pytest.mark.parametrize(
    "options",
    [{}, {"filters": 4}, {"padding": "valid", "strides": 2}, {"use_bias": False, "activation": None}],
    ids=str,
)
def test_outputs_and_gradients_are_those_of_keras(options: dict[str, Any]) -> None:
    import tensorflow as tf

    plain, depthwise = model(**options), model(**options)
    assert use_depthwise(depthwise) == 1
    images = tf.constant(np.random.default_rng(1).normal(size=(3, 9, 7, 4)).astype("float32"))
    found = []
    for one in (plain, depthwise):
        with tf.GradientTape() as tape:
            tape.watch(images)
            outputs = one(images)
            loss = tf.reduce_sum(outputs**2)
        found.append([outputs, *tape.gradient(loss, [images, *one.trainable_variables])])
    for mine, kerass in zip(found[1], found[0], strict=True):
        np.testing.assert_allclose(mine, kerass, rtol=1e-4, atol=1e-5)


def test_what_does_not_fit_stays_as_keras_has_it() -> None:
    assert use_depthwise(model(groups=2)) == 0  # two channels a group
    assert use_depthwise(model(groups=1)) == 0
    assert use_depthwise(model(dilation_rate=2)) == 0
    assert use_depthwise(model(dtype="mixed_bfloat16")) == 0


def test_all_blocks_of_convnext_are_found_and_none_of_mobilenet() -> None:
    convnext = keras.applications.ConvNeXtTiny(weights=None, include_top=False, input_shape=(32, 32, 3))
    assert use_depthwise(convnext) == 18
    assert (
        use_depthwise(keras.applications.MobileNet(alpha=0.25, weights=None, input_shape=(32, 32, 3), classes=2)) == 0
    )
