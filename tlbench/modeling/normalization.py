"""BatchNormalization that keeps its statistics while its scale and offset are trained.

Keras has no switch for that: `trainable = False` stops the scale and offset too, and the flag `training` of a call
cannot be given to one layer of a nested model. Keras' own guide (keras.io/guides/transfer_learning) calls the whole
base model with ``training=False``, which switches dropout off as well.
"""

from types import MethodType
from typing import Any

import keras

from tlbench.modeling.layers import leaves

HOLDS = "tlbench_holds_statistics"


def hold_statistics(model: keras.Model) -> int:
    """Let every BatchNormalization of `model`, at any depth, normalise by its moving statistics and leave them alone.

    Returns how many do. Call it before anything is traced.
    """
    holding = [layer for layer in leaves(model) if isinstance(layer, keras.layers.BatchNormalization)]
    for layer in holding:
        setattr(layer, HOLDS, True)
        layer.call = MethodType(_held, layer)
    return len(holding)


def set_momentum(model: keras.Model, momentum: float) -> None:
    """Let the moving statistics of every BatchNormalization, at any depth, keep the share `momentum` in each step.

    Call it before anything is traced.
    """
    for layer in leaves(model):
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = momentum


def holds_statistics(layer: keras.layers.Layer) -> bool:
    """Whether `hold_statistics` was called on a model with this layer."""
    return bool(getattr(layer, HOLDS, False))


def _held(self: Any, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
    del training
    return type(self).call(self, inputs, training=False, mask=mask)
