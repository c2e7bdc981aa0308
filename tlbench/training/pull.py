"""Penalties on weights as a loss: toward where they started, and toward nought."""

from collections.abc import Sequence
from typing import Any

import keras


class Pull:
    """``strength / 2 * sum((weights - start)^2)``; `start` None is nought. A regularizer, as Keras has them."""

    def __init__(self, strength: float, start: keras.Variable | None) -> None:
        self._strength, self._start = strength, start

    def __call__(self, weights: Any) -> Any:
        """The penalty, a scalar."""
        apart = weights if self._start is None else weights - self._start
        return 0.5 * self._strength * keras.ops.sum(keras.ops.square(apart))


def pull(backbone: Sequence[keras.Variable], head: Sequence[keras.Variable], alpha: float, beta: float) -> None:
    """Hold the backbone's weights, with `alpha`, to what they are now, and the head's, with `beta`, to nought.

    The penalty joins the loss of whatever is compiled with these variables from now on. L2-SP: X. Li and others,
    "Explicit Inductive Bias for Transfer Learning with Convolutional Networks" (ICML 2018), section 3; all that is
    adapted is held, scales and offsets of normalization too.
    """
    for variable in backbone:
        start = keras.Variable(keras.ops.copy(variable.value), trainable=False, name=f"start_of_{variable.name}")
        variable.regularizer = Pull(alpha, start)
    for variable in head:
        variable.regularizer = Pull(beta, None)
