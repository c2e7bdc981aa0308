"""Count the floating-point operations of a forward pass in convolutions and matrix products.

A multiplication and an addition are two operations, as in torch's FlopCounterMode. As there, element-wise layers
(activations, normalization, pooling) are not counted; they are a few percent. Composite layers, such as a transformer
block, are traced for one image. Layers that may be expensive but have no rule are reported by `uncounted`.
"""

import inspect
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras

from tlbench.modeling.keras_private import arguments, calls, calls_of, sublayers

Shape = tuple[int, ...]


def flops(layers: Iterable[keras.layers.Layer]) -> int:
    """Operations for one image of built layers and functional models. Every call of a shared layer counts."""
    return sum(
        flops_of_call(node)
        for layer in layers
        for node in (calls(layer) if isinstance(layer, keras.Model) else calls_of(layer))
    )


def flops_of_call(node: Any) -> int:
    """Operations for one image of a call (a Keras node) of a layer or a nested model."""
    rule = _rule(node.operation)
    if rule is not None:
        return 2 * rule(node.operation, [_shape(one) for one in _given(node)], _shape(node.output_tensors[0]))
    return sum(flops_of_call(inner) for inner in _inside(node) or ())


def uncounted(model: keras.Model) -> tuple[str, ...]:
    """Kinds of operations in a functional model that are not counted but may be expensive, sorted.

    These are layers with weights that have no rule, cannot be traced and are not known to be element-wise, and products
    without weights that have no rule (``keras.ops.einsum``).
    """
    return tuple(sorted({kind for node in calls(model) for kind in _uncounted(node)}))


def _uncounted(node: Any) -> set[str]:
    if _rule(node.operation) is not None:
        return set()
    inside = _inside(node)
    if inside is None:
        return {type(node.operation).__name__} if _may_cost(node.operation) else set()
    return {kind for inner in inside for kind in _uncounted(inner)}


def _inside(node: Any) -> list[Any] | None:
    """The calls inside a call of a nested model or composite layer; None for other layers, or if tracing fails."""
    operation = node.operation
    if isinstance(operation, keras.Model):
        return calls(operation)
    if not isinstance(operation, keras.Layer) or not sublayers(operation):
        return None
    args, kwargs = keras.tree.map_structure(_of_one_image, _passed(node))
    try:
        outputs = keras.tree.flatten(operation.call(*args, **kwargs))
        return calls(keras.Function(_symbolic([args, kwargs]), _symbolic(outputs)))
    except Exception:  # noqa: BLE001 - code of another package; it is reported as not counted
        return None


def _passed(node: Any) -> tuple[Any, Any]:
    """The arguments that reach an operation's `call`. Keras consumes `training` if `call` does not take it."""
    args, kwargs = arguments(node)
    taken = inspect.signature(node.operation.call).parameters
    return args, {name: value for name, value in kwargs.items() if name in taken}


def _symbolic(values: Any) -> list[Any]:
    return [one for one in keras.tree.flatten(values) if isinstance(one, keras.KerasTensor)]


def _of_one_image(value: Any) -> Any:
    if not isinstance(value, keras.KerasTensor):
        return value
    return keras.Input(batch_shape=_shape(value), dtype=value.dtype)


def _given(node: Any) -> list[Any]:
    """All tensors passed to a call, including constants, in the order of the parameters."""
    args, kwargs = _passed(node)
    bound = inspect.signature(node.operation.call).bind(*args, **kwargs).arguments
    return [one for one in keras.tree.flatten(list(bound.values())) if hasattr(one, "shape")]


def _rule(operation: Any) -> "Rule | None":
    by_kind = next((rule for kind, rule in RULES if isinstance(operation, kind)), None)
    return by_kind or PRODUCT_RULES.get(type(operation).__name__)


def _may_cost(operation: Any) -> bool:
    name = type(operation).__name__
    return name in PRODUCTS or (bool(getattr(operation, "weights", ())) and name not in BY_ELEMENT)


def _shape(tensor: Any) -> Shape:
    """The shape of a tensor, with 1 for unknown lengths such as the batch."""
    return tuple(1 if length is None else int(length) for length in tensor.shape)


def _convolution(layer: Any, entering: Sequence[Shape], leaving: Shape) -> int:
    return _window(layer) * math.prod(leaving) * entering[0][-1] // int(layer.groups)


def _depthwise(layer: Any, entering: Sequence[Shape], leaving: Shape) -> int:
    del entering
    return _window(layer) * math.prod(leaving)


def _separable(layer: Any, entering: Sequence[Shape], leaving: Shape) -> int:
    positions, widened = math.prod(leaving[:-1]), entering[0][-1] * int(layer.depth_multiplier)
    return positions * widened * (_window(layer) + leaving[-1])


def _dense(layer: Any, entering: Sequence[Shape], leaving: Shape) -> int:
    del layer
    return entering[0][-1] * math.prod(leaving)


def _einsum_dense(layer: Any, entering: Sequence[Shape], leaving: Shape) -> int:
    """Each output is a sum over the kernel's axes that the output does not have."""
    del entering
    inputs, output = layer.equation.split("->")
    axes = inputs.split(",")[1]
    return math.prod(leaving) * math.prod(
        int(length) for axis, length in zip(axes, layer.kernel.shape, strict=True) if axis not in output
    )


def _attention(layer: Any, entering: Sequence[Shape], leaving: Shape) -> int:
    """The projections of query, key, value and result, and the two products of each head, over one axis of tokens."""
    query, value = entering[0], entering[1]
    key = entering[2] if len(entering) > 2 else value
    asking, asked = math.prod(query[:-1]), math.prod(value[:-1])
    of_key, of_value = int(layer.num_heads * layer.key_dim), int(layer.num_heads * layer.value_dim)
    projections = asking * query[-1] * of_key + asked * (key[-1] * of_key + value[-1] * of_value)
    return projections + asking * value[-2] * (of_key + of_value) + asking * of_value * leaving[-1]


def _matmul(operation: Any, entering: Sequence[Shape], leaving: Shape) -> int:
    del operation
    return math.prod(leaving) * entering[0][-1]


def _window(layer: Any) -> int:
    return math.prod(int(length) for length in layer.kernel_size)


Rule = Callable[[Any, Sequence[Shape], Shape], int]
"""Multiplications of one call: from the layer, the shapes of its inputs and the shape of its output, for one image."""
RULES: tuple[tuple[type[keras.layers.Layer], Rule], ...] = (
    (keras.layers.SeparableConv2D, _separable),
    (keras.layers.DepthwiseConv2D, _depthwise),
    (keras.layers.Conv2D, _convolution),
    (keras.layers.Dense, _dense),
    (keras.layers.EinsumDense, _einsum_dense),
    (keras.layers.MultiHeadAttention, _attention),
)
PRODUCT_RULES: dict[str, Rule] = {"Matmul": _matmul}
"""Rules for operations that are not layers, by class name."""
BY_ELEMENT = frozenset(
    {
        "BatchNormalization",
        "DINOV2LayerScale",
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
"""Layers with weights that need only a few operations per element."""
PRODUCTS = frozenset(
    {"AdditiveAttention", "Attention", "Dot", "Einsum", "Inner", "Matmul", "Outer", "Tensordot", "Vdot"}
)
"""Operations without weights that multiply matrices or vectors."""
