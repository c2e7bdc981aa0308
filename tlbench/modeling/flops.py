"""Floating-point operations of one forward pass, counted over convolutions and matrix products.

A multiply and an add are two operations, as torch's FlopCounterMode counts. Element-wise layers (activations,
normalisation, pooling) are left out, as there; they are a few percent. What may cost more and has no rule is named.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any

import keras

from tlbench.modeling.keras_private import calls, calls_of

Shape = tuple[int, ...]


def flops(layers: Iterable[keras.layers.Layer]) -> int:
    """Operations for one image, of leaf layers of a built functional model; each call of a layer counts."""
    return sum(flops_of_call(node) for layer in layers for node in calls_of(layer))


def flops_of_call(node: Any) -> int:
    """Operations for one image of one call (a Keras node) of a layer or of a nested model."""
    operation = node.operation
    if isinstance(operation, keras.Model):
        return sum(flops_of_call(inner) for inner in calls(operation))
    rule = _rule(operation)
    if rule is None:
        return 0
    return 2 * rule(operation, _image(node.input_tensors[0]), _image(node.output_tensors[0]))


def uncounted(model: keras.Model) -> tuple[str, ...]:
    """Kinds of operations of a functional model that are counted as nothing and may cost something, sorted.

    A layer with weights that has no rule and is not known to work element by element; and products without weights
    (attention, ``keras.ops.matmul``).
    """
    kinds: set[str] = set()
    for node in calls(model):
        operation = node.operation
        if isinstance(operation, keras.Model):
            kinds |= set(uncounted(operation))
        elif _rule(operation) is None and _may_cost(operation):
            kinds.add(type(operation).__name__)
    return tuple(sorted(kinds))


def _rule(operation: Any) -> "Rule | None":
    return next((rule for kind, rule in RULES if isinstance(operation, kind)), None)


def _may_cost(operation: Any) -> bool:
    name = type(operation).__name__
    return name in PRODUCTS or (bool(getattr(operation, "weights", ())) and name not in BY_ELEMENT)


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
BY_ELEMENT = frozenset(
    {
        "BatchNormalization",
        "Embedding",
        "GroupNormalization",
        "LayerNormalization",
        "LayerScale",
        "Normalization",
        "PReLU",
        "RMSNormalization",
        "UnitNormalization",
    }
)
"""Layers with weights that cost a few operations for each number."""
PRODUCTS = frozenset(
    {"AdditiveAttention", "Attention", "Dot", "Einsum", "Inner", "Matmul", "Outer", "Tensordot", "Vdot"}
)
"""Operations without weights that multiply matrices."""
