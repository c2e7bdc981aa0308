"""Operations that cost something and are not counted are named, not silently taken for nothing."""

import pytest

keras = pytest.importorskip("keras")

from tlbench.backbones import registry  # noqa: E402
from tlbench.modeling.flops import uncounted  # noqa: E402


def test_attention_and_bare_products_are_named() -> None:
    tokens = keras.Input((5, 8))
    attended = keras.layers.MultiHeadAttention(2, 4)(tokens, tokens)
    inner = keras.Model(tokens, keras.ops.matmul(attended, keras.ops.transpose(attended, (0, 2, 1))))
    images = keras.Input((5, 8))
    outputs = keras.layers.Dense(2)(keras.layers.LayerNormalization()(inner(images)))
    assert uncounted(keras.Model(images, outputs)) == ("Matmul", "MultiHeadAttention")


@pytest.mark.slow
@pytest.mark.parametrize("name", registry.expand_pattern("all"))
def test_every_constructor_of_keras_applications_is_counted_whole(name: str) -> None:
    info = registry.get(name)
    model = getattr(keras.applications, name)(weights=None, input_shape=(info.default_size, info.default_size, 3))
    assert uncounted(model) == ()
