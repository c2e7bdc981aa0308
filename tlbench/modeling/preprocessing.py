"""Scaling of images as layers of the model, so that it is always applied, saved and measured with the model."""

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
    """Converts between RGB and BGR: reverses the last axis of (batch, H, W, C)."""

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """Reverse the last axis."""
        return keras.ops.flip(inputs, axis=-1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The shape is kept."""
        return input_shape


def scaling_layers(scaling: Scaling | PerChannel) -> list[keras.layers.Layer]:
    """Layers from RGB images (batch, H, W, 3) of 0 to 255 to the values that the backbone was trained on.

    They equal `preprocess_input` in the backbone's module of keras.applications, which a test shows for all backbones.
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
    """Guard against a wrong scaling, which would only show as a low accuracy.

    The scaling is applied to grey levels from black to white and compared with `preprocess_input` of the backbone's
    module in keras.applications. Backbones from other sources have no such function and are not checked.

    Raises:
        UserError: they differ by more than 1 % of the range.
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
            f"{found.min():g} to {found.max():g}; correct `scaling` where {info.name} is registered"
        )


def _rescaling(scale: float | list[float], offset: float | list[float]) -> keras.layers.Layer:
    # float32 in every precision, because bfloat16 cannot represent all 256 levels.
    return keras.layers.Rescaling(scale, offset=offset, dtype="float32", name="scaling")
