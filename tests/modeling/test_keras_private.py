"""What tlbench uses of Keras beyond its public interface; an upgrade that changes it fails here first."""

from typing import Any

import pytest

keras = pytest.importorskip("keras")

from tlbench.modeling import keras_private  # noqa: E402


def nested() -> Any:
    shared = keras.layers.Dense(4, name="shared")
    inputs = keras.Input((4,))
    inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4, name="inside")], name="inner")
    return keras.Model(inputs, inner(shared(shared(inputs))), name="outer")


def test_calls_come_after_those_they_depend_on_and_each_call_counts() -> None:
    names = [node.operation.name for node in keras_private.calls(nested())]
    assert names[1:] == ["shared", "shared", "inner"]
    (inner,) = [layer for layer in nested().layers if layer.name == "inner"]
    assert [node.operation.name for node in keras_private.calls(inner)][-1] == "inside"


def test_a_layer_knows_its_calls_in_all_models() -> None:
    layer = keras.layers.Dense(2)
    first, second = keras.Input((3,)), keras.Input((3,))
    keras.Model(first, layer(first))
    keras.Model(second, layer(second))
    assert [node.operation is layer for node in keras_private.calls_of(layer)] == [True, True]


def test_a_layer_knows_the_layers_it_is_made_of() -> None:
    attention = keras.layers.MultiHeadAttention(2, 4)
    attention.build((None, 5, 8), (None, 5, 8))
    names = {layer.name for layer in keras_private.sublayers(attention)}
    assert names >= {"query", "key", "value", "attention_output"}
    assert keras_private.sublayers(keras.layers.Dense(2)) == []


def test_a_call_knows_its_arguments() -> None:
    attention, tokens = keras.layers.MultiHeadAttention(2, 4), keras.Input((5, 8))
    attention(tokens, value=tokens)
    (node,) = keras_private.calls_of(attention)
    args, kwargs = keras_private.arguments(node)
    assert args[0] is tokens
    assert kwargs["value"] is tokens


def test_a_tensor_knows_what_made_it() -> None:
    layer = keras.layers.Dense(2)
    assert keras_private.maker(layer(keras.Input((3,)))) is layer


def test_layers_that_draw_have_generators_which_can_be_set() -> None:
    dropout, dense = keras.layers.Dropout(0.5), keras.layers.Dense(2)
    assert keras_private.has_generators(dropout)
    assert not keras_private.has_generators(dense)
    ones = keras.ops.ones((8, 64))
    drawn = []
    for seed in (1, 2, 1):
        keras_private.seed_generators(dropout, seed)
        drawn.append(keras.ops.convert_to_numpy(dropout(ones, training=True)).tobytes())
    assert drawn[0] == drawn[2] != drawn[1]
