"""Backbones as their sources make them, with random weights. `BackboneInfo.constructor` names one of these."""

from collections.abc import Mapping

import keras

from tlbench.backbones.spec import BackboneInfo
from tlbench.core.cell import Scalar


def keras_application(
    info: BackboneInfo, args: Mapping[str, Scalar], shape: tuple[int, int, int], top: bool
) -> keras.Model:
    """Keras' own constructor, with or without its classifier, for images of `shape` (H, W, 3)."""
    constructor = getattr(keras.applications, info.name)
    model: keras.Model = constructor(include_top=top, weights=None, input_shape=shape, **args)
    return model
