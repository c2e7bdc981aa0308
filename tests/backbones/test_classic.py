"""Networks of the lessons have the numbers of parameters that the lessons and the papers give."""

import pytest

from tlbench.backbones import registry
from tlbench.core.cell import Head, Named
from tlbench.core.plugins import resolve
from tlbench.modeling.assemble import assemble, make_backbone
from tlbench.modeling.blocks import blocks_of

FULL = Named(name="full")


@pytest.mark.parametrize(
    ("name", "size", "head", "parameters"),
    [
        ("AlexNet", 280, Head(name="flatten", hidden=(128, 128), output="sigmoid"), 7_742_721),  # the lesson
        ("SmallConvNet", 150, Head(name="flatten", hidden=(512,), output="sigmoid"), 3_453_121),  # Chollet's book
    ],
)
def test_a_network_with_its_head_has_the_parameters_of_the_lesson(
    name: str, size: int, head: Head, parameters: int
) -> None:
    assembled = assemble(Named(name=name), FULL, head, 2, size)
    assert assembled.model.count_params() == parameters


def test_the_inception_blocks_have_the_parameters_of_the_paper() -> None:
    model = make_backbone(registry.get("GoogLeNet"), {}, (280, 280, 3), None)
    of_block: dict[str, int] = {}
    for layer in model.layers:
        if layer.name.startswith("block") and layer.name[5:7] in ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"):
            of_block[layer.name[:7]] = of_block.get(layer.name[:7], 0) + layer.count_params()
    assert len(of_block) == 9
    assert of_block["block3a"] == 163_696
    assert sum(of_block.values()) == 5_849_136
    assert model.output_shape[1:] == (9, 9, 1024)


def test_the_auxiliary_classifiers_are_those_of_the_paper() -> None:
    """4 x 4 x 512 and 4 x 4 x 528 at 224 pixels, 128 filters, 1024 units, 70 % dropped; a thousand classes."""
    own = registry.get("GoogLeNet").auxiliary
    assert own is not None
    model = make_backbone(registry.get("GoogLeNet"), {}, (224, 224, 3), None)
    shapes = [model.get_layer(name).output.shape[1:] for name in own.layers]
    classifiers = resolve(own.constructor)(shapes, 1000, "softmax")
    assert [classifiers.get_layer(f"auxiliary{number}_pool").output.shape[1:] for number in (1, 2)] == [
        (4, 4, 512),
        (4, 4, 528),
    ]
    after = 4 * 4 * 128 * 1024 + 1024 + 1024 * 1000 + 1000
    assert classifiers.count_params() == (512 + 1 + 528 + 1) * 128 + 2 * after
    assert classifiers.get_layer("auxiliary1_dropout").rate == 0.7
    assert (
        min(make_backbone(registry.get("GoogLeNet"), {}, (65, 65, 3), None).get_layer(own.layers[0]).output.shape[1:3])
        == 5
    )


@pytest.mark.parametrize(("name", "blocks"), [("AlexNet", 5), ("GoogLeNet", 11), ("SmallConvNet", 4)])
def test_a_network_has_the_blocks_it_was_drawn_with(name: str, blocks: int) -> None:
    info = registry.get(name)
    model = make_backbone(info, {}, (info.min_size, info.min_size, 3), None)
    weighted = [block for layer, block in zip(model.layers, blocks_of(model), strict=True) if layer.weights]
    assert len(dict.fromkeys(weighted)) == blocks


def test_all_means_backbones_that_have_pretrained_weights() -> None:
    assert "GoogLeNet" in registry.names()
    assert "GoogLeNet" not in registry.expand_pattern("all")
    assert registry.expand_pattern("Alex*") == ("AlexNet",)
