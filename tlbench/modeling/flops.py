"""Floating-point operations of one forward pass, counted over convolutions and matrix products.

A multiply and an add are two operations, as torch's FlopCounterMode counts. Element-wise layers (activations,
normalisation, pooling) are left out, as there; they are a few percent.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any

import keras

Shape = tuple[int, ...]


def flops(layers: Iterable[keras.layers.Layer]) -> int:
    """Operations for one image, of leaf layers of a built functional model; each call of a layer counts."""
    return sum(flops_of_call(node) for layer in layers for node in layer._inbound_nodes)


def flops_of_call(node: Any) -> int:
    """Operations for one image of one call (a Keras node) of a layer or of a nested model."""
    operation = node.operation
    if isinstance(operation, keras.Model):
        graph = operation._functional if isinstance(operation, keras.Sequential) else operation
        return sum(flops_of_call(inner) for depth in graph._nodes_by_depth.values() for inner in depth)
    rule = next((rule for kind, rule in RULES if isinstance(operation, kind)), None)
    if rule is None:
        return 0
    return 2 * rule(operation, _image(node.input_tensors[0]), _image(node.output_tensors[0]))


def _image(tensor: Any) -> Shape:
    """The shape without the batch."""
    return tuple(int(length) for length in tensor.shape[1:])


def _convolution(layer: Any, entering: Shape, leaving: Shape) -> int:
    return _window(layer) * math.prod(leaving) * entering[-1] // int(layer.groups)


def _depthwise(layer: Any, entering: Shape, leaving: Shape) -> int:
    del entering
    return _window(layer) * math.prod(leaving)


def _separable(layer: Any, entering: Shape, leaving: Shape) -> int:
    positions, widened = math.prod(leaving[:-1]), entering[-1] * int(layer.depth_multiplier)
    return positions * widened * (_window(layer) + leaving[-1])


def _dense(layer: Any, entering: Shape, leaving: Shape) -> int:
    del layer
    return entering[-1] * math.prod(leaving)


def _window(layer: Any) -> int:
    return math.prod(int(length) for length in layer.kernel_size)


Rule = Callable[[Any, Shape, Shape], int]
RULES: tuple[tuple[type[keras.layers.Layer], Rule], ...] = (
    (keras.layers.SeparableConv2D, _separable),
    (keras.layers.DepthwiseConv2D, _depthwise),
    (keras.layers.Conv2D, _convolution),
    (keras.layers.Dense, _dense),
)
