"""Where each strategy puts the freeze boundary, on a small list of layers."""

from dataclasses import replace
from typing import Any

import pytest

from tlbench.strategies import registry
from tlbench.strategies.base import RELATIVE_TO_ADAM, LayerView, Part

LAYERS = [
    LayerView("input", "InputLayer", "conv1", 0),
    LayerView("conv1", "Conv2D", "conv1", 9),
    LayerView("bn1", "BatchNormalization", "conv1", 4),
    LayerView("relu1", "Activation", "conv1", 0),
    LayerView("conv2", "Conv2D", "conv2", 9),
    LayerView("bn2", "BatchNormalization", "conv2", 4),
    LayerView("relu2", "Activation", "conv2", 0),
    LayerView("conv3", "Conv2D", "conv3", 9),
    LayerView("bn3", "BatchNormalization", "conv3", 4),
]
"""Three blocks of two layers with weights each."""


@pytest.mark.parametrize(("name", "frozen"), [("frozen", 9), ("full", 0), ("scratch", 0)])
def test_all_or_nothing(name: str, frozen: int) -> None:
    assert registry.make(name, {}).boundary(LAYERS) == frozen


def test_only_scratch_starts_from_random_weights() -> None:
    assert [name for name in registry.names() if registry.make(name, ARGS.get(name, {})).weights == "random"] == [
        "scratch"
    ]


@pytest.mark.parametrize(("trainable", "frozen"), [(0.3, 7), (0.49, 7), (0.5, 4), (0.51, 4), (0.99, 4), (0.01, 7)])
def test_a_fraction_counts_layers_that_have_weights_from_the_top_in_whole_blocks(trainable: float, frozen: int) -> None:
    assert registry.make("partial", {"trainable": trainable}).boundary(LAYERS) == frozen


def test_a_number_counts_all_layers_and_a_name_is_the_first_that_is_trained() -> None:
    """Even inside a block."""
    assert registry.make("partial", {"frozen_layers": 3}).boundary(LAYERS) == 3
    assert registry.make("partial", {"from_layer": "conv2"}).boundary(LAYERS) == 4


@pytest.mark.parametrize(("operations", "frozen"), [(0, 0), (2, 2), (3, 2), (4, 2), (5, 3), (6, 4), (11, 9)])
def test_a_number_of_operations_freezes_the_layers_among_them(operations: int, frozen: int) -> None:
    """Two operations without a name stand before the third layer."""
    layers = [replace(layer, operations=3 if layer.name == "bn1" else 1) for layer in LAYERS]
    assert registry.make("partial", {"frozen_operations": operations}).boundary(layers) == frozen


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        ({}, "exactly one of trainable, frozen_layers, from_layer, frozen_operations"),
        ({"trainable": 0.3, "frozen_layers": 3}, "exactly one of"),
        ({"trainable": 1.5}, "trainable must be less than 1"),
        ({"trainable": -0.1}, "trainable must be greater than 0"),
        ({"frozen_layers": -1}, "frozen_layers must be greater than or equal to 0"),
        ({"frozen_operations": -1}, "frozen_operations must be greater than or equal to 0"),
        ({"frozen_layers": 3, "frozen_operations": 3}, "exactly one of"),
        ({"trainabel": 0.3}, "did you mean 'trainable'"),
    ],
)
def test_arguments_that_make_no_boundary_are_refused(args: dict[str, float], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        registry.make("partial", args)


def test_a_boundary_outside_the_backbone_is_refused_when_the_backbone_is_known() -> None:
    with pytest.raises(ValueError, match="more than the backbone's 9 layers"):
        registry.make("partial", {"frozen_layers": 10}).boundary(LAYERS)
    with pytest.raises(ValueError, match="frozen_operations: 10 is more than the backbone's 9 operations"):
        registry.make("partial", {"frozen_operations": 10}).boundary(LAYERS)
    with pytest.raises(ValueError, match="did you mean 'conv2'"):
        registry.make("partial", {"from_layer": "conv_2"}).boundary(LAYERS)


def test_a_backbone_of_one_block_has_no_whole_block_to_leave_out() -> None:
    with pytest.raises(ValueError, match="one block; say frozen_layers or from_layer"):
        registry.make("partial", {"trainable": 0.3}).boundary(LAYERS[:4])


@pytest.mark.parametrize(
    ("blocks", "part"),
    [
        ("first", Part(frozen=0, until=4)),
        ("middle", Part(frozen=4, until=7)),
        ("last", Part(frozen=7)),
    ],
)
def test_surgical_trains_a_third(blocks: str, part: Part) -> None:
    assert registry.make("surgical", {"blocks": blocks}).part(LAYERS) == part


def test_fewer_blocks_than_groups_are_refused() -> None:
    with pytest.raises(ValueError, match="3 blocks cannot be 4 groups"):
        registry.make("gradual", {"groups": 4}).part(LAYERS)
    with pytest.raises(ValueError, match="1 blocks cannot be 3 groups"):
        registry.make("surgical", {"blocks": "last"}).part(LAYERS[:4])


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("norm", Part(frozen=0, only="norm")),
        ("bias", Part(frozen=0, only="bias")),
        ("lora", Part(frozen=0, only="lora", rank=4)),
        ("layerwise", Part(frozen=0)),
        ("gradual", Part(frozen=0)),
    ],
)
def test_some_variables_of_all_layers(name: str, part: Part) -> None:
    assert registry.make(name, {}).part(LAYERS) == part


def test_a_strategy_without_arguments_says_so() -> None:
    with pytest.raises(ValueError, match="pretrained takes no arguments"):
        registry.make("pretrained", {"trainable": 0.3})


@pytest.mark.parametrize("optimizer", sorted(RELATIVE_TO_ADAM))
def test_every_optimizer_has_a_default_rate_that_is_gentler_on_pretrained_layers(optimizer: str) -> None:
    rate = {name: registry.make(name, ARGS.get(name, {})).learning_rate(optimizer) for name in registry.names()}
    assert 0 < rate["full"] < rate["frozen"]


ARGS: dict[str, dict[str, Any]] = {
    "partial": {"trainable": 0.3},
    "surgical": {"blocks": "middle"},
    "interval": {"from_epoch": 2},
}
"""Of strategies that need some."""
