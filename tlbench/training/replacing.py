"""Replace methods of layers by TensorFlow operations that compute the same faster."""

from collections.abc import Callable
from types import MethodType
from typing import Any

import keras

from tlbench.modeling.layers import leaves


def replace_method(
    model: keras.Model, fits: Callable[[keras.layers.Layer], bool], name: str, function: Callable[..., Any]
) -> int:
    """Replace a method of layers, at any depth of `model`. Does nothing on other backends than TensorFlow.

    Args:
        model: the model, which must not have been traced yet.
        fits: whether to replace the method of a layer.
        name: the name of the method.
        function: the new method.

    Returns:
        The number of layers changed.
    """
    if keras.backend.backend() != "tensorflow":
        return 0
    fitting = [layer for layer in leaves(model) if fits(layer)]
    for layer in fitting:
        setattr(layer, name, MethodType(function, layer))
    return len(fitting)
