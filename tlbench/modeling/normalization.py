"""Keep the moving statistics of BatchNormalization fixed while its scale and offset are trained.

Keras has no switch for that: `trainable = False` freezes scale and offset too, and the argument `training` of a call
cannot be set for single layers of a nested model. Keras' guide (keras.io/guides/transfer_learning) calls the whole base
model with ``training=False``, which also turns dropout off.
"""

from types import MethodType
from typing import Any

import keras

from tlbench.modeling.layers import leaves

HOLDS = "tlbench_holds_statistics"


def hold_statistics(model: keras.Model) -> int:
    """Make every BatchNormalization of `model`, at any depth, use its moving statistics and not update them.

    Call this before tracing. Returns the number of these layers.
    """
    holding = [layer for layer in leaves(model) if isinstance(layer, keras.layers.BatchNormalization)]
    for layer in holding:
        setattr(layer, HOLDS, True)
        layer.call = MethodType(_held, layer)
    return len(holding)


def set_momentum(model: keras.Model, momentum: float) -> None:
    """Set the momentum of every BatchNormalization at any depth. Call this before tracing."""
    for layer in leaves(model):
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = momentum


def holds_statistics(layer: keras.layers.Layer) -> bool:
    """Whether `hold_statistics` was called on a model with this layer."""
    return bool(getattr(layer, HOLDS, False))


def _held(self: Any, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
    del training
    return type(self).call(self, inputs, training=False, mask=mask)
