"""Compute BatchNormalization by TensorFlow's fused operation instead of the dozen operations that Keras 3 uses.

The formula is the same, so weights and predictions agree within rounding. On a CPU this reduces the time of a training
step of MobileNetV2 to 0.6, of a forward pass through its frozen layers to 0.7, and of the first step to 0.7. Step times
are measured without it.
"""

from typing import Any

import keras

from tlbench.modeling.normalization import holds_statistics
from tlbench.training.replacing import replace_method


def fuse_normalization(model: keras.Model) -> int:
    """Replace the operation of all suitable layers of `model`, at any depth. Returns how many there are.

    Suitable are layers on (batch, H, W, channels) in float32 on TensorFlow. Call this before tracing.
    """
    return replace_method(model, _fits, "call", _call)


def _fits(layer: keras.layers.Layer) -> bool:
    return (
        type(layer) is keras.layers.BatchNormalization
        and layer.built
        and layer.input_spec.ndim == 4
        and layer.axis in (-1, 3)
        and layer.compute_dtype == layer.variable_dtype == "float32"
        and not layer.synchronized
        and not layer.renorm
    )


def _call(self: Any, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
    """As keras.layers.BatchNormalization.call; images have no `mask`."""
    import tensorflow as tf

    learns = bool(training and self.trainable and not holds_statistics(self))
    outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=inputs,
        scale=self.gamma if self.scale else tf.ones_like(self.moving_mean),
        offset=self.beta if self.center else tf.zeros_like(self.moving_mean),
        mean=[] if learns else self.moving_mean,
        variance=[] if learns else self.moving_variance,
        epsilon=self.epsilon,
        is_training=learns,
    )
    if learns:
        # The operation returns the unbiased variance of the batch, but Keras averages the biased one.
        count = tf.cast(tf.size(inputs) // inputs.shape[-1], variance.dtype)
        biased = variance * (count - 1) / count
        for moving, new in ((self.moving_mean, mean), (self.moving_variance, biased)):
            moving.assign(moving * self.momentum + new * (1 - self.momentum))
    return outputs
