"""Penalties on weights as a loss: toward where they started, and toward nought."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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


Penalties = Sequence[tuple[keras.Variable, Pull]]
"""Variables, each with its own."""


def pulls(backbone: Sequence[keras.Variable], head: Sequence[keras.Variable], alpha: float, beta: float) -> Penalties:
    """Hold the backbone's weights, with `alpha`, to what they are now, and the head's, with `beta`, to nought.

    L2-SP: X. Li and others, "Explicit Inductive Bias for Transfer Learning with Convolutional Networks" (ICML 2018),
    section 3; all that is adapted is held, scales and offsets of normalization too.
    """
    starts = [
        keras.Variable(keras.ops.copy(one.value), trainable=False, name=f"start_of_{one.name}") for one in backbone
    ]
    held = [(variable, Pull(alpha, start)) for variable, start in zip(backbone, starts, strict=True)]
    return [*held, *((variable, Pull(beta, None)) for variable in head)]


@contextmanager
def in_the_loss(penalties: Penalties) -> Iterator[None]:
    """Have them in the loss of what is traced inside, and of nothing else.

    A variable has one regularizer for all the models that it is in, and a saved model may have given it its own.
    """
    before = [variable.regularizer for variable, _ in penalties]
    for variable, penalty in penalties:
        variable.regularizer = penalty
    try:
        yield
    finally:
        for (variable, _), own in zip(penalties, before, strict=True):
            variable.regularizer = own
