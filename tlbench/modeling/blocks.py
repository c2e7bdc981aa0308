"""Find the blocks of a backbone: residual, inverted residual, dense or inception blocks, with their normalization.

Neither names nor the graph alone are sufficient. InceptionV3 numbers its convolutions consecutively, and Xception its
shortcuts; an inverted residual block without a shortcut is a chain, with one tensor between any two layers. So a block
begins where few tensors cross and, if layers are named after blocks, where the name changes.
"""

import re
from itertools import accumulate

import keras

from tlbench.modeling.keras_private import calls
from tlbench.modeling.layers import is_normalization

NAMED = re.compile(r"^(block\d+_\d+|.*?block_?\d+[a-z]?|expanded_conv(?:_\d+)?|pool\d+)(?:_(?!\d+$)|$)")
"""Names in keras.applications, such as conv2_block1_1_bn, block_3_expand, block4a_se_reduce, expanded_conv_6_add."""

SEPARABLE = re.compile(r"^conv_(?:pad|dw|pw)_(\d+)(?:_|$)")
"""MobileNet: a depthwise and a pointwise convolution are one block."""


CELL = re.compile(r"^(?:adjust|normal|reduction|separable_conv_\d)_\w*?((?:stem_|reduce_)?\d+)$")
"""NASNet: adjust_bn_7, normal_conv_1_7, separable_conv_2_bn_reduction_left1_stem_1."""


def blocks_of(backbone: keras.Model) -> list[str]:
    """The name of the block of each of ``backbone.layers``. Blocks are consecutive, and their names unique."""
    layers = list(backbone.layers)
    starts = _starts(backbone, layers)
    found: list[str] = []
    for begin, end in zip(starts, [*starts[1:], len(layers)], strict=True):
        name = _name(layers[begin:end])
        found += [name if name not in found else f"{name} ({layers[begin].name})"] * (end - begin)
    return found


def crossing(backbone: keras.Model) -> list[int]:
    """For each layer, how many tensors cross the boundary below it: made before it, and used by it or later."""
    position = {id(one): number for number, one in enumerate(backbone.operations)}
    made: dict[int, int] = {}
    used: dict[int, int] = {}
    for node in calls(backbone):
        at = position[id(node.operation)]
        for tensor in node.output_tensors:
            made[id(tensor)] = at
        for tensor in node.input_tensors:
            used[id(tensor)] = max(at, used.get(id(tensor), 0))
    change = [0] * (len(position) + 2)
    for tensor, last in used.items():
        change[made[tensor] + 1] += 1
        change[last + 1] -= 1
    counts = list(accumulate(change))
    return [counts[position[id(layer)]] for layer in backbone.layers]


def _starts(backbone: keras.Model, layers: list[keras.Layer]) -> list[int]:
    crossed, merging = crossing(backbone), _merging(backbone)
    found = _begin(layers, crossed, merging, 1)
    # A block with more than half of the layers means that too few tensors were allowed to cross: each of NASNet's cells
    # takes the outputs of the two before it.
    if any(end - begin > len(layers) / 2 for begin, end in zip(found, [*found[1:], len(layers)], strict=True)):
        wider = _begin(layers, crossed, merging, 2)
        found = wider if len(wider) > len(found) else found
    return found


def _begin(layers: list[keras.Layer], crossed: list[int], merging: set[int], width: int) -> list[int]:
    found, name = [0], None
    weighted = False
    for number, layer in enumerate(layers):
        own = _block_name(layer)
        if number and weighted and crossed[number] <= width:
            after_merge = id(layers[number - 1]) in merging
            begins = (bool(layer.weights) and not is_normalization(layer)) or after_merge
            if (own != name) if own else begins:
                found.append(number)
                name, weighted = None, False
        name = own or name
        weighted = weighted or bool(layer.weights)
    last = [layer for layer in layers[found[-1] :] if layer.weights]
    if all(is_normalization(layer) for layer in last) and len(found) > 1:
        found.pop()
    return found


def _merging(backbone: keras.Model) -> set[int]:
    """The ids of layers that take several tensors."""
    return {id(node.operation) for node in calls(backbone) if len(node.input_tensors) > 1}


def _block_name(layer: keras.Layer) -> str | None:
    if separable := SEPARABLE.match(layer.name):
        return f"conv_{separable[1]}"
    if cell := CELL.match(layer.name):
        return f"cell_{cell[1]}"
    match = NAMED.match(layer.name)
    return match[1] if match else None


def _name(layers: list[keras.Layer]) -> str:
    names = [name for layer in layers if (name := _block_name(layer)) and layer.weights]
    if names:
        return names[0]
    if not layers[-1].weights and layers[-1].name.startswith("mixed"):
        return str(layers[-1].name)
    return str(next((layer.name for layer in layers if layer.weights), layers[0].name))
