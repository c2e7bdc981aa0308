"""Operations that cost something and are not counted are named, not silently taken for nothing."""

from typing import Any

import pytest

keras = pytest.importorskip("keras")

from tlbench.backbones import registry  # noqa: E402
from tlbench.modeling.flops import flops, uncounted  # noqa: E402


class Pair(keras.layers.Layer):  # type: ignore[misc, name-defined]
    """Two layers in one; `eager`: it cannot be called on symbolic tensors."""

    def __init__(self, eager: bool = False) -> None:
        super().__init__()
        self.first, self.second, self.eager = keras.layers.Dense(6), keras.layers.Dense(8), eager

    def call(self, inputs: Any) -> Any:
        if self.eager and isinstance(inputs, keras.KerasTensor):
            raise TypeError("numbers are needed here")
        return self.second(self.first(inputs))


def test_products_without_a_rule_are_named() -> None:
    tokens = keras.Input((5, 8))
    inner = keras.Model(tokens, keras.ops.einsum("bij,bkj->bik", tokens, tokens))
    images = keras.Input((5, 8))
    outputs = keras.layers.Dense(2)(keras.layers.LayerNormalization()(inner(images)))
    assert uncounted(keras.Model(images, outputs)) == ("Einsum",)


def test_attention_and_products_are_counted() -> None:
    """Four projections of 8 x 8 for five tokens, two products of five tokens with five; then (5 x 8) by (8 x 5)."""
    tokens = keras.Input((5, 8))
    attended = keras.layers.MultiHeadAttention(2, 4)(tokens, tokens)
    model = keras.Model(tokens, keras.ops.matmul(attended, keras.ops.transpose(attended, (0, 2, 1))))
    assert flops([model]) == 2 * (5 * 4 * 8 * 8 + 2 * 5 * 5 * 8 + 5 * 8 * 5)
    mixed = keras.layers.EinsumDense("abc,cde->abde", (5, 2, 3))(tokens)
    assert flops([keras.Model(tokens, mixed)]) == 2 * 5 * 8 * 2 * 3
    asked, told = keras.Input((3, 6)), keras.Input((7, 4))
    crossed = keras.layers.MultiHeadAttention(2, 5, value_dim=3)(query=asked, value=told)
    projections = 3 * 6 * 10 + 7 * 4 * 10 + 7 * 4 * 6 + 3 * 6 * 6
    assert flops([keras.Model([asked, told], crossed)]) == 2 * (projections + 3 * 7 * 10 + 3 * 7 * 6)


def test_a_layer_of_layers_is_gone_through_or_named() -> None:
    tokens = keras.Input((5, 8))
    model = keras.Model(tokens, Pair()(Pair()(tokens)))
    assert flops([model]) == 2 * 2 * (5 * 8 * 6 + 5 * 6 * 8)
    assert uncounted(model) == ()
    assert uncounted(keras.Model(tokens, Pair(eager=True)(tokens))) == ("Pair",)


@pytest.mark.slow
@pytest.mark.parametrize("name", registry.expand_pattern("all"))
def test_every_constructor_of_keras_applications_is_counted_whole(name: str) -> None:
    info = registry.get(name)
    model = getattr(keras.applications, name)(weights=None, input_shape=(info.default_size, info.default_size, 3))
    assert uncounted(model) == ()
