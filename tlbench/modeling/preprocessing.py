"""Scaling of images as layers inside the model, so that it cannot be forgotten, saved without, or measured without."""

import importlib

import keras
import numpy as np

from tlbench.backbones.spec import BackboneInfo, PerChannel, Scaling
from tlbench.core.errors import UserError

IMAGENET_BGR_MEAN = (103.939, 116.779, 123.68)
IMAGENET_RGB_MEAN = (0.485, 0.456, 0.406)
IMAGENET_RGB_DEVIATION = (0.229, 0.224, 0.225)


@keras.saving.register_keras_serializable(package="tlbench")
class ReverseChannels(keras.layers.Layer):  # type: ignore[misc]
    """RGB to BGR and back: reverses the last axis of (batch, H, W, C)."""

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """Reverse the last axis."""
        return keras.ops.flip(inputs, axis=-1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The shape is kept."""
        return input_shape


def scaling_layers(scaling: Scaling | PerChannel) -> list[keras.layers.Layer]:
    """Layers from 0..255 RGB images (batch, H, W, 3) to what the backbone was trained on.

    Equal to keras.applications' `preprocess_input` of its module, which a test shows for all backbones.
    """
    if isinstance(scaling, PerChannel):
        return [_rescaling(list(scaling.scale), list(scaling.offset))]
    match scaling:
        case "tf":
            return [_rescaling(1 / 127.5, -1.0)]
        case "caffe":
            offset = [-mean for mean in IMAGENET_BGR_MEAN]
            return [ReverseChannels(name="rgb_to_bgr"), _rescaling(1.0, offset)]
        case "torch":
            scale = [1 / (255 * deviation) for deviation in IMAGENET_RGB_DEVIATION]
            pairs = zip(IMAGENET_RGB_MEAN, IMAGENET_RGB_DEVIATION, strict=True)
            offset = [-mean / deviation for mean, deviation in pairs]
            return [_rescaling(scale, offset)]
        case "inside":
            return []


def check_scaling(info: BackboneInfo) -> None:
    """Guard against the wrong scaling, which trains to a low accuracy without an error.

    Compares what `info.scaling` makes of images from black to white with `preprocess_input` of the backbone's own
    module, an independent truth; a backbone of another source has none. Raises UserError where they differ by more than
    a hundredth of their range.
    """
    if info.module is None:
        return
    ramp = np.linspace(0, 255, 8 * 8 * 3, dtype=np.float32).reshape(1, 8, 8, 3)
    module = importlib.import_module(f"keras.applications.{info.module}")
    expected = np.asarray(module.preprocess_input(ramp.copy(), data_format="channels_last"))
    scaled = keras.ops.convert_to_tensor(ramp)
    for layer in scaling_layers(info.scaling):
        scaled = layer(scaled)
    found = keras.ops.convert_to_numpy(scaled)
    if np.abs(found - expected).max() > 0.01 * np.ptp(expected):
        raise UserError(
            f"{info.name} expects images from {expected.min():g} to {expected.max():g} "
            f"(keras.applications.{info.module}.preprocess_input), but scaling {info.scaling!r} feeds it "
            f"{found.min():g} to {found.max():g}; mend `scaling` where {info.name} is registered"
        )


def _rescaling(scale: float | list[float], offset: float | list[float]) -> keras.layers.Layer:
    # float32 whatever the precision: 255 steps do not fit between the numbers of bfloat16.
    return keras.layers.Rescaling(scale, offset=offset, dtype="float32", name="scaling")
