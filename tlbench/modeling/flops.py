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
    total = 0
    for layer in layers:
        rule = next((rule for kind, rule in RULES if isinstance(layer, kind)), None)
        if rule is not None:
            total += sum(2 * rule(layer, *shapes) for shapes in _calls(layer))
    return total


def _calls(layer: keras.layers.Layer) -> Iterable[tuple[Shape, Shape]]:
    for node in layer._inbound_nodes:
        yield _image(node.input_tensors[0]), _image(node.output_tensors[0])


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
