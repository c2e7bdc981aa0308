"""Compute grouped convolutions that have one channel per group as TensorFlow's depthwise convolutions.

On a CPU, Keras compiles every grouped convolution with XLA (``_conv_xla`` in keras 3.15, ``backend/tensorflow/nn.py``),
because TensorFlow has none there that can be trained. ConvNeXt spends most of its time in such convolutions; this makes
the forward pass of ConvNeXtTiny 4.5 times as fast. Step times are measured without it.
"""

from typing import Any

import keras

from tlbench.training.replacing import replace_method


def use_depthwise(model: keras.Model) -> int:
    """Replace the operation of all suitable layers of `model`, at any depth. Returns how many there are.

    Suitable are `Conv2D` layers on (batch, H, W, channels) in float32 on TensorFlow. Call this before tracing.
    """
    return replace_method(model, _fits, "convolution_op", _convolve)


def _fits(layer: keras.layers.Layer) -> bool:
    return (
        type(layer) is keras.layers.Conv2D
        and layer.built
        and layer.groups > 1
        and layer.kernel.shape[-2] == 1
        and layer.data_format == "channels_last"
        and layer.padding in ("same", "valid")
        and len(set(layer.strides)) == 1
        and set(layer.dilation_rate) == {1}
        and layer.compute_dtype == layer.variable_dtype == "float32"
    )


def _convolve(self: Any, inputs: Any, kernel: Any) -> Any:
    """As keras.layers.Conv2D.convolution_op. In both layouts the filters of a channel are consecutive."""
    import tensorflow as tf

    height, width, _, filters = kernel.shape
    by_channel = tf.reshape(kernel, (height, width, self.groups, filters // self.groups))
    return tf.nn.depthwise_conv2d(inputs, by_channel, (1, *self.strides, 1), self.padding.upper())
