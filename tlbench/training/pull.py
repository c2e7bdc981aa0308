"""L2 penalties on the distance of weights from their initial values, or from zero."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras


class Pull(keras.regularizers.Regularizer):  # type: ignore[misc]
    """The regularizer ``strength / 2 * sum((weights - start)^2)``; `start` None stands for zero."""

    def __init__(self, strength: float, start: keras.Variable | None) -> None:
        self._strength, self._start = strength, start

    def __call__(self, weights: Any) -> Any:
        """The penalty, a scalar."""
        apart = weights if self._start is None else weights - self._start
        return 0.5 * self._strength * keras.ops.sum(keras.ops.square(apart))


Penalties = Sequence[tuple[keras.Variable, Pull]]
"""Variables with their penalties."""


def pulls(backbone: Sequence[keras.Variable], head: Sequence[keras.Variable], alpha: float, beta: float) -> Penalties:
    """The penalties of L2-SP.

    X. Li et al., "Explicit Inductive Bias for Transfer Learning with Convolutional Networks" (ICML 2018), section 3.
    They apply to all weights that are trained, including scale and offset of normalization.

    Args:
        backbone: variables that are pulled to their present values.
        head: variables that are pulled to zero.
        alpha: the strength for the backbone.
        beta: the strength for the head.
    """
    starts = [
        keras.Variable(keras.ops.copy(one.value), trainable=False, name=f"start_of_{one.name}") for one in backbone
    ]
    held = [(variable, Pull(alpha, start)) for variable, start in zip(backbone, starts, strict=True)]
    return [*held, *((variable, Pull(beta, None)) for variable in head)]


@contextmanager
def in_the_loss(penalties: Penalties) -> Iterator[None]:
    """Add the penalties to the loss of everything that is traced within the ``with`` block, and only there.

    The regularizers of the variables are restored afterwards, because other models share them, and a saved model may
    have regularizers of its own.
    """
    before = [variable.regularizer for variable, _ in penalties]
    for variable, penalty in penalties:
        variable.regularizer = penalty
    try:
        yield
    finally:
        for (variable, _), own in zip(penalties, before, strict=True):
            variable.regularizer = own
