"""Grouped convolutions with one channel a group as TensorFlow's depthwise convolution, which computes the same.

Keras compiles every grouped convolution with XLA where it runs on a CPU (``_conv_xla`` in keras 3.15,
``backend/tensorflow/nn.py``), since TensorFlow has none there that can be trained. ConvNeXt has nothing but grouped
convolutions of one channel, and spends most of its time in them: an image goes through ConvNeXtTiny 4.5 times as fast.
The timing of steps never uses this.
"""

from typing import Any

import keras

from tlbench.training.replacing import replace_method


def use_depthwise(model: keras.Model) -> int:
    """Let the layers of `model` that fit, at any depth, convolve each channel by itself; returns how many do.

    It fits `Conv2D` on images (batch, H, W, channels) in float32 on TensorFlow. Call it before anything is traced.
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
    """As keras.layers.Conv2D.convolution_op; the filters of a channel stand together in both orders."""
    import tensorflow as tf

    height, width, _, filters = kernel.shape
    by_channel = tf.reshape(kernel, (height, width, self.groups, filters // self.groups))
    return tf.nn.depthwise_conv2d(inputs, by_channel, (1, *self.strides, 1), self.padding.upper())
