"""Everything that tlbench uses of Keras beyond its public interface, so that one test shows what an upgrade breaks.

Each docstring names the attributes; tests/modeling/test_keras_private.py checks the expectations.
"""

from typing import Any

import keras
import numpy as np


def calls(model: keras.Model) -> list[Any]:
    """The nodes (calls of operations) of a functional model's own graph, each after those that it depends on.

    Calls of the same layers in other models are not included. Reads ``_nodes_by_depth``; a Sequential keeps its graph
    in ``_functional``. The public ``operations`` do not tell how often and where each operation is called.
    """
    graph = model._functional if isinstance(model, keras.Sequential) else model
    by_depth = graph._nodes_by_depth
    return [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]]


def calls_of(layer: keras.layers.Layer) -> list[Any]:
    """All nodes in which a layer was called, in any model. Reads ``_inbound_nodes``."""
    return list(layer._inbound_nodes)


def sublayers(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    """The layers that a layer consists of, each once. Calls ``_flatten_layers``, which is public only for models."""
    return list(layer._flatten_layers(include_self=False, recursive=False))


def arguments(node: Any) -> tuple[Any, Any]:
    """The positional and keyword arguments of a call, including symbolic tensors. Reads the node's ``arguments``."""
    return node.arguments.args, node.arguments.kwargs


def maker(tensor: Any) -> Any:
    """The operation whose call made a symbolic tensor. Reads ``_keras_history``."""
    return tensor._keras_history.operation


def variable_index(optimizer: keras.optimizers.Optimizer, variable: Any) -> int:
    """The index of a variable among those that an optimizer was built with. Calls ``_get_variable_index``."""
    return int(optimizer._get_variable_index(variable))


def has_generators(layer: keras.layers.Layer) -> bool:
    """Whether a layer itself draws random numbers. Reads ``_seed_generators``."""
    return bool(layer._seed_generators)


def seed_generators(layer: keras.layers.Layer, seed: int) -> None:
    """Seed the random number generators of a layer. Reads ``_seed_generators``, writes their public `state`."""
    for generator in layer._seed_generators:
        dtype = keras.backend.standardize_dtype(generator.state.dtype)
        generator.state.assign(np.array([seed, 0], dtype=dtype))
