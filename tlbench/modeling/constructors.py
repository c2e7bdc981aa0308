"""Constructors of backbones with random weights, which `BackboneInfo.constructor` names."""

from collections.abc import Mapping
from pathlib import Path

import keras

from tlbench.backbones.spec import BackboneInfo
from tlbench.core.cell import Scalar
from tlbench.modeling.preprocessing import IMAGENET_RGB_DEVIATION


def keras_application(
    info: BackboneInfo, args: Mapping[str, Scalar], shape: tuple[int, int, int], top: bool
) -> keras.Model:
    """Call Keras' own constructor for images of `shape` (H, W, 3), with the original classifier if `top`."""
    constructor = getattr(keras.applications, info.name)
    model: keras.Model = constructor(include_top=top, weights=None, input_shape=shape, **args)
    return model


def load_efficientnet(model: keras.Model, path: Path) -> None:
    """Load ImageNet weights into an EfficientNet (the first version), including the last step of their scaling.

    The file has the standard deviations of ImageNet where Keras' `Normalization` takes variances, so images would be
    divided by their square roots. With ``weights="imagenet"``, Keras' constructor adds a layer that divides by the
    square roots once more; with ``weights=None``, as here, it does not. The factor is put into the variance instead,
    which gives the same numbers without another layer.
    """
    model.load_weights(path)
    scaling = next(layer for layer in model.layers if isinstance(layer, keras.layers.Normalization))
    deviation = keras.ops.convert_to_tensor(IMAGENET_RGB_DEVIATION, scaling.adapt_variance.dtype)
    scaling.adapt_variance.assign(scaling.adapt_variance * deviation)
    scaling.finalize_state()
