"""Blocks of a backbone: whole ones, from the graph and from the names."""

from itertools import groupby
from typing import Any

import pytest

keras = pytest.importorskip("keras")

from tlbench.backbones import registry  # noqa: E402
from tlbench.modeling.assemble import make_backbone  # noqa: E402
from tlbench.modeling.blocks import blocks_of, crossing  # noqa: E402

SIZES = {
    "MobileNet": [2, *[4] * 13],
    "MobileNetV2": [2, 4, *[6] * 16, 2],
    "VGG16": [2, 2, 3, 3, 3],
    "ResNet50": [2, 8, 6, 6, 8, 6, 6, 6, 8, 6, 6, 6, 6, 6, 8, 6, 6],
    "InceptionV3": [2, 2, 2, 2, 2, 14, 14, 14, 8, 20, 20, 20, 20, 12, 18, 18],
}
"""Layers with weights of each block, as the papers have them."""


def blocks(name: str) -> tuple[Any, list[str]]:
    keras.backend.clear_session(free_memory=False)
    info = registry.get(name)
    size = max(info.min_size, 32)
    model = make_backbone(info, {}, (size, size, 3), None)
    return model, blocks_of(model)


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name in ("MobileNet", "MobileNetV2") else pytest.mark.slow) for name in SIZES],
)
def test_blocks_have_the_layers_of_the_paper(name: str) -> None:
    model, found = blocks(name)
    sizes: dict[str, int] = {}
    for layer, block in zip(model.layers, found, strict=True):
        sizes[block] = sizes.get(block, 0) + bool(layer.weights)
    assert list(sizes.values()) == SIZES[name]


@pytest.mark.slow
@pytest.mark.parametrize("name", registry.expand_pattern("all"))
def test_every_constructor_has_whole_blocks_that_follow_one_another(name: str) -> None:
    """One tensor crosses between blocks, in NASNet two; no block is half of a network; a name stands once."""
    model, found = blocks(name)
    runs = [(block, len(list(members))) for block, members in groupby(found)]
    assert len({block for block, _ in runs}) == len(runs) >= 5
    assert max(size for _, size in runs) <= len(found) / 2
    starts = [number for number in range(1, len(found)) if found[number] != found[number - 1]]
    assert {crossing(model)[number] for number in starts} <= ({1, 2} if name.startswith("NASNet") else {1})
    assert {found[number] for number, layer in enumerate(model.layers) if layer.weights} == set(found)


def test_without_names_a_block_is_what_a_skip_encloses() -> None:
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.ReLU()(keras.layers.BatchNormalization(name="norm_a")(keras.layers.Conv2D(4, 3, name="a")(inputs)))
    y = keras.layers.Conv2D(4, 3, padding="same", name="b")(x)
    y = keras.layers.Conv2D(4, 3, padding="same", name="c")(y)
    y = keras.layers.Add()([x, y])
    y = keras.layers.Conv2D(4, 3, name="d")(y)
    model = keras.Model(inputs, keras.layers.BatchNormalization(name="norm_d")(y))
    found = {layer.name: block for layer, block in zip(model.layers, blocks_of(model), strict=True)}
    assert [found[name] for name in ("a", "norm_a", "b", "c", "d", "norm_d")] == ["a", "a", "b", "b", "d", "d"]
    assert crossing(model)[model.layers.index(model.get_layer("c"))] == 2
