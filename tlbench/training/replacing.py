"""Methods of layers in the place of which TensorFlow has an operation that computes the same, faster."""

from collections.abc import Callable
from types import MethodType
from typing import Any

import keras

from tlbench.modeling.layers import leaves


def replace_method(
    model: keras.Model, fits: Callable[[keras.layers.Layer], bool], name: str, function: Callable[..., Any]
) -> int:
    """Let the layers of `model` that fit, at any depth, have `function` as their method `name`; returns how many do.

    None do on other backends than TensorFlow. Call it before anything is traced.
    """
    if keras.backend.backend() != "tensorflow":
        return 0
    fitting = [layer for layer in leaves(model) if fits(layer)]
    for layer in fitting:
        setattr(layer, name, MethodType(function, layer))
    return len(fitting)
