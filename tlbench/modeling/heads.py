"""The layers of a head: pooling as its registry entry says, then what all heads have."""

import keras

from tlbench.core.cell import Head
from tlbench.core.errors import UserError
from tlbench.core.plugins import resolve
from tlbench.heads.registry import HEADS


def global_average() -> keras.layers.Layer:
    """(batch, H, W, C) to (batch, C)."""
    return keras.layers.GlobalAveragePooling2D(name="pooling")


def flatten() -> keras.layers.Layer:
    """(batch, H, W, C) to (batch, H * W * C)."""
    return keras.layers.Flatten(name="pooling")


def head_layers(head: Head, classes: int) -> list[keras.layers.Layer]:
    """Pooling, then hidden Dense layers with ReLU, dropout, and the classifier in float32.

    One sigmoid unit for `output: sigmoid`, which needs two classes; else softmax over `classes`.
    Raises UserError for sigmoid with another number of classes.
    """
    if head.output == "sigmoid" and classes != 2:
        raise UserError(f"head {head.label}: output sigmoid needs two classes, the data set has {classes}; use softmax")
    layers = [resolve(HEADS[head.name].pooling)()]
    for number, units in enumerate(head.hidden, 1):
        layers.append(keras.layers.Dense(units, activation="relu", name=f"hidden_{number}"))
    if head.dropout:
        layers.append(keras.layers.Dropout(head.dropout, name="dropout"))
    units = 1 if head.output == "sigmoid" else classes
    # float32 whatever the precision: a softmax in half precision loses the small probabilities.
    layers.append(keras.layers.Dense(units, activation=head.output, dtype="float32", name="classifier"))
    return layers
