"""A source of backbones: two convolutions."""

from collections.abc import Iterable, Mapping
from typing import Any

from tlbench.backbones.spec import BackboneInfo


def backbones() -> Iterable[BackboneInfo]:
    """The one there is."""
    yield BackboneInfo(
        name="TwoConvolutions",
        family="Example",
        module=None,
        default_size=32,
        min_size=8,
        scaling="tf",
        constructor="tlbench_example.backbones:construct",
    )


def construct(info: BackboneInfo, args: Mapping[str, Any], shape: tuple[int, int, int], top: bool) -> Any:
    """Runs in a worker, which has Keras."""
    import keras

    del info, args, top
    inputs = keras.Input(shape)
    outputs = keras.layers.Conv2D(8, 3, strides=2, activation="relu", name="first")(inputs)
    outputs = keras.layers.Conv2D(16, 3, strides=2, activation="relu", name="second")(outputs)
    return keras.Model(inputs, outputs, name="two_convolutions")
