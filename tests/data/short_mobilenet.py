"""A plugin file: the first layers of MobileNet's kind (alpha 0.25) in three blocks instead of thirteen.

Tests of what training does take it: it is built and traced in a third of the time, and has all that MobileNet has.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from tlbench.backbones.spec import BackboneInfo

NAME = "ShortMobileNet"
BLOCKS = ((32, 1), (64, 2), (256, 2))
"""Filters and strides: few enough that random weights still tell the drawn classes apart."""


def backbones() -> Iterator[BackboneInfo]:
    """The one there is."""
    yield BackboneInfo(NAME, "Example", None, 48, 32, "tf", constructor=f"{__name__}:construct")


def construct(info: BackboneInfo, args: Mapping[str, Any], shape: tuple[int, int, int], top: bool) -> Any:
    """Runs in a worker, which has Keras. The layers are called as MobileNet's are."""
    import keras

    del info, args
    layers = keras.layers

    def normalized(values: Any, name: str, relu: str) -> Any:
        return layers.ReLU(6.0, name=relu)(layers.BatchNormalization(name=name)(values))

    inputs = keras.Input(shape)
    outputs = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False, name="conv1")(inputs)
    outputs = normalized(outputs, "conv1_bn", "conv1_relu")
    for number, (filters, strides) in enumerate(BLOCKS, 1):
        if strides > 1:
            outputs = layers.ZeroPadding2D(((0, 1), (0, 1)), name=f"conv_pad_{number}")(outputs)
        for name, layer in (
            (
                f"conv_dw_{number}",
                layers.DepthwiseConv2D(
                    3,
                    strides=strides,
                    padding="valid" if strides > 1 else "same",
                    use_bias=False,
                    name=f"conv_dw_{number}",
                ),
            ),
            (f"conv_pw_{number}", layers.Conv2D(filters, 1, use_bias=False, name=f"conv_pw_{number}")),
        ):
            outputs = normalized(layer(outputs), f"{name}_bn", f"{name}_relu")
    if top:
        outputs = layers.GlobalAveragePooling2D()(outputs)
        outputs = layers.Dense(1000, activation="softmax", name="predictions")(outputs)
    return keras.Model(inputs, outputs, name="short_mobilenet")


ENTRY_POINTS = {"tlbench.backbones": {"short_mobilenet": backbones}}
