"""The layers of a head: its pooling, then hidden layers, dropout and the classifier."""

import keras

from tlbench.backbones.spec import Output
from tlbench.core.cell import Head
from tlbench.core.errors import UserError
from tlbench.core.plugins import resolve
from tlbench.heads.registry import HEADS


def global_average() -> keras.layers.Layer:
    """Global average pooling, from (batch, H, W, C) to (batch, C)."""
    return keras.layers.GlobalAveragePooling2D(name="pooling")


@keras.saving.register_keras_serializable(package="tlbench")
class ClassToken(keras.layers.Layer):  # type: ignore[misc]
    """Selects the first token, which represents the whole image: (batch, T, C) to (batch, C)."""

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """The first token."""
        return inputs[:, 0]

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The shape without the axis of tokens."""
        return (input_shape[0], input_shape[2])


def one_of_tokens(class_token: bool) -> keras.layers.Layer:
    """Pooling from (batch, T, C) to (batch, C): the class token or, without one, the mean, as in keras-hub."""
    return ClassToken(name="pooling") if class_token else keras.layers.GlobalAveragePooling1D(name="pooling")


def flatten(class_token: bool = False) -> keras.layers.Layer:
    """Flattening, from (batch, H, W, C) to (batch, H * W * C), or from (batch, T, C) to (batch, T * C)."""
    del class_token
    return keras.layers.Flatten(name="pooling")


def head_layers(head: Head, classes: int, output: Output = "map") -> list[keras.layers.Layer]:
    """The layers of a head: pooling, hidden Dense layers with ReLU, dropout, and the classifier in float32.

    Args:
        head: the head. With output ``sigmoid`` the classifier has a single unit.
        classes: the number of classes.
        output: what the backbone returns.

    Raises:
        UserError: the output is sigmoid but there are not two classes, or the head does not support tokens.
    """
    if head.output == "sigmoid" and classes != 2:
        raise UserError(f"head {head.label}: output sigmoid needs two classes, the data set has {classes}; use softmax")
    layers = [_pooling(head, output)]
    for number, units in enumerate(head.hidden, 1):
        layers.append(keras.layers.Dense(units, activation="relu", name=f"hidden_{number}"))
    if head.dropout:
        layers.append(keras.layers.Dropout(head.dropout, name="dropout"))
    units = 1 if head.output == "sigmoid" else classes
    # Always float32, because a softmax in half precision loses small probabilities.
    layers.append(keras.layers.Dense(units, activation=head.output, dtype="float32", name="classifier"))
    return layers


def _pooling(head: Head, output: Output) -> keras.layers.Layer:
    info = HEADS[head.name]
    if output == "map":
        return resolve(info.pooling)()
    if not info.of_tokens:
        raise UserError(f"head {head.name} takes feature maps, but the backbone returns tokens; use gap or flatten")
    return resolve(info.of_tokens)(output == "class_token")
