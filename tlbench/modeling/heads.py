"""Heads: the new classifier on top of a backbone. A new head is one entry in `POOLINGS`."""

from collections.abc import Callable

import keras

from tlbench.core.cell import Head
from tlbench.core.errors import UserError

POOLINGS: dict[str, Callable[[], keras.layers.Layer]] = {
    "gap": lambda: keras.layers.GlobalAveragePooling2D(name="pooling"),
    "flatten": lambda: keras.layers.Flatten(name="pooling"),
}


def head_layers(head: Head, classes: int) -> list[keras.layers.Layer]:
    """Pooling, then hidden Dense layers with ReLU, dropout, and the classifier in float32.

    One sigmoid unit for `output: sigmoid`, which needs two classes; else softmax over `classes`.
    Raises UserError for sigmoid with another number of classes.
    """
    if head.output == "sigmoid" and classes != 2:
        raise UserError(f"head {head.label}: output sigmoid needs two classes, the data set has {classes}; use softmax")
    layers = [POOLINGS[head.name]()]
    for number, units in enumerate(head.hidden, 1):
        layers.append(keras.layers.Dense(units, activation="relu", name=f"hidden_{number}"))
    if head.dropout:
        layers.append(keras.layers.Dropout(head.dropout, name="dropout"))
    units = 1 if head.output == "sigmoid" else classes
    # float32 whatever the precision: a softmax in half precision loses the small probabilities.
    layers.append(keras.layers.Dense(units, activation=head.output, dtype="float32", name="classifier"))
    return layers
