"""Constructors of backbones with random weights, which `BackboneInfo.constructor` names."""

from collections.abc import Mapping

import keras

from tlbench.backbones.spec import BackboneInfo
from tlbench.core.cell import Scalar


def keras_application(
    info: BackboneInfo, args: Mapping[str, Scalar], shape: tuple[int, int, int], top: bool
) -> keras.Model:
    """Call Keras' own constructor for images of `shape` (H, W, 3), with the original classifier if `top`."""
    constructor = getattr(keras.applications, info.name)
    model: keras.Model = constructor(include_top=top, weights=None, input_shape=shape, **args)
    return model
