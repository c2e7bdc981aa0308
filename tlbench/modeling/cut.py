"""Cut a model into a fixed lower part, whose outputs can be cached, and an upper part that is trained.

Frozen layers are a fixed function of the image, so their outputs can be computed once: "bottleneck features" (Chollet,
"Building powerful image classification models using very little data", 2016), here for any boundary. The upper part
applied to the lower part is exactly the whole model, and shares its variables.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras

from tlbench.core.plugins import code_of
from tlbench.modeling.assemble import Assembled, head_of
from tlbench.modeling.flops import flops_of_call
from tlbench.modeling.handed import Handed
from tlbench.modeling.keras_private import calls, maker
from tlbench.modeling.layers import draws_random_numbers, leaves

REPEATED = 0.02
"""The share of the fixed part's operations that the upper part may repeat in every epoch, to save cached bytes."""


@dataclass(frozen=True)
class Boundary:
    """A cut through a model.

    Attributes:
        tensors: the tensors of the backbone's graph that cross it.
        fixed_head: layers of the head that belong to the lower part too.
        handed: the descriptions of the tensors that the lower part returns.
    """

    tensors: tuple[Any, ...]
    fixed_head: tuple[keras.Layer, ...]
    handed: tuple[Handed, ...]

    @property
    def bytes(self) -> int:
        """The size of the tensors for one image, in bytes."""
        return sum(one.bytes for one in self.handed)


def boundary(assembled: Assembled, frozen: int, head: Sequence[keras.Layer]) -> Boundary | None:
    """Find where to cut a backbone whose first `frozen` layers are not trained.

    If the whole backbone is fixed, layers of the head without weights (pooling) belong to the lower part too. If the
    boundary crosses several branches, the cut is moved down to where it has fewer bytes, as long as the upper part
    repeats at most `REPEATED` of the work of the fixed part.

    Args:
        assembled: the model.
        frozen: the number of frozen layers.
        head: the layers that follow the backbone.

    Returns:
        The cut; None if no layer with weights is fixed.
    """
    backbone = assembled.backbone
    nodes = calls(backbone)
    fixed = _fixed(backbone, nodes, frozen)
    if not any(getattr(node.operation, "weights", ()) for node in fixed):
        return None
    if len(fixed) < len(nodes):
        tensors = _cheapest(backbone, nodes, fixed)
        return Boundary(tuple(tensors), (), tuple(_handed(_place(backbone, one), one) for one in tensors))
    same: list[keras.Layer] = []
    output, place = backbone.outputs[0], _place(backbone, backbone.outputs[0])
    for layer in head:
        if layer.weights or draws_random_numbers(layer) or isinstance(layer, keras.layers.Dense):
            break
        output, place, same = layer(output), f"{place}, {_made_by(layer)}", [*same, layer]
    return Boundary(tuple(backbone.outputs), tuple(same), (_handed(place, output),))


def lower_model(assembled: Assembled, boundaries: Sequence[Boundary]) -> keras.Model:
    """A model from images to the tensors of all `boundaries`, as a flat list, in one pass."""
    model, backbone = assembled.model, assembled.backbone
    scaled = next(node for node in calls(model) if node.operation is backbone).input_tensors[0]
    wanted = [tensor for one in boundaries for tensor in one.tensors]
    distinct = list({id(tensor): tensor for tensor in wanted}.values())
    made = keras.Model(backbone.inputs[0], distinct, name="below_the_cut")(scaled)
    found = dict(zip(map(id, distinct), made if isinstance(made, list) else [made], strict=True))
    outputs = []
    for number, one in enumerate(boundaries):
        # The pooling of every head has the same name, but names in a model must be unique.
        fixed_head = [_renamed(layer, number) for layer in one.fixed_head]
        for tensor in one.tensors:
            output = found[id(tensor)]
            for layer in fixed_head:
                output = layer(output)
            outputs.append(output)
    return keras.Model(model.inputs[0], outputs, name="lower")


def _renamed(layer: keras.Layer, number: int) -> keras.Layer:
    """A copy of a layer without weights, under another name."""
    return type(layer).from_config({**layer.get_config(), "name": f"{layer.name}_{number}"})


def upper_model(assembled: Assembled, at: Boundary) -> keras.Model:
    """A model from the tensors of a boundary (one, or a list) to class probabilities, with the model's variables."""
    backbone, head = assembled.backbone, head_of(assembled)
    entries = [keras.Input(one.shape, dtype=one.dtype, name=f"handed_{n}") for n, one in enumerate(at.handed)]
    inside = [
        entry if entry.dtype == tensor.dtype or at.fixed_head else keras.ops.cast(entry, tensor.dtype)
        for entry, tensor in zip(entries, at.tensors, strict=True)
    ]
    if at.tensors == tuple(backbone.outputs):
        output = inside[0]
    else:
        output = keras.Model(list(at.tensors), backbone.outputs[0], name="above_the_cut")(inside)
    for layer in head[len(at.fixed_head) :]:
        output = layer(output)
    return keras.Model(entries if len(entries) > 1 else entries[0], output, name="upper")


def _fixed(backbone: keras.Model, nodes: list[Any], frozen: int) -> list[Any]:
    """The calls whose outputs depend only on the image, in order."""
    below = {id(layer) for layer in backbone.layers[:frozen]}
    known: set[int] = set()
    found = []
    for node in nodes:
        if _is_fixed(node.operation, below) and all(id(tensor) in known for tensor in node.input_tensors):
            known |= {id(tensor) for tensor in node.output_tensors}
            found.append(node)
    return found


def _is_fixed(operation: Any, below: set[int]) -> bool:
    if id(operation) in below or not isinstance(operation, keras.Layer):
        return True
    return not operation.weights and not any(draws_random_numbers(leaf) for leaf in leaves(operation))


def _cheapest(backbone: keras.Model, nodes: list[Any], fixed: list[Any]) -> list[Any]:
    """The tensors that cross the cut with the fewest bytes, among cuts that repeat at most `REPEATED` of the work."""
    computed = [flops_of_call(node) for node in fixed]
    repeated, best = 0, _crossing(backbone, nodes, fixed)
    for count in range(len(fixed) - 1, 0, -1):
        repeated += computed[count]
        if repeated > REPEATED * sum(computed):
            break
        crossing = _crossing(backbone, nodes, fixed[:count])
        if sum(_handed("", one).bytes for one in crossing) < sum(_handed("", one).bytes for one in best):
            best = crossing
    return best


def _crossing(backbone: keras.Model, nodes: list[Any], lower: list[Any]) -> list[Any]:
    """The tensors that are made in `lower` and used outside of it, in the order in which they are made."""
    inside = {id(node) for node in lower}
    used = {id(tensor) for node in nodes if id(node) not in inside for tensor in node.input_tensors}
    used |= {id(tensor) for tensor in backbone.outputs}
    return [tensor for node in lower for tensor in node.output_tensors if id(tensor) in used]


def _handed(place: str, tensor: Any) -> Handed:
    dtype = str(keras.backend.standardize_dtype(tensor.dtype))
    # NumPy has no bfloat16; float32 can represent all of its values.
    stored = "float32" if dtype == "bfloat16" else dtype
    return Handed(place, tuple(int(length) for length in tensor.shape[1:]), stored)


def _made_by(layer: keras.Layer) -> str:
    """A key of the function that a layer without weights computes: its class, settings and code."""
    kind = type(layer)
    settings = {name: value for name, value in layer.get_config().items() if name not in ("name", "trainable")}
    return f"{kind.__qualname__} {json.dumps(settings, sort_keys=True, default=repr)} {code_of(kind.__module__)}"


def _place(backbone: keras.Model, tensor: Any) -> str:
    numbers = {id(one): number for number, one in enumerate(backbone.operations)}
    return f"operation {numbers[id(maker(tensor))]}"
