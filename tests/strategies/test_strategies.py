"""Where each strategy puts the freeze boundary, on a small list of layers."""

import pytest

from tlbench.strategies import registry
from tlbench.strategies.base import RELATIVE_TO_ADAM, LayerView

LAYERS = [
    LayerView("input", False),
    LayerView("conv1", True),
    LayerView("bn1", True),
    LayerView("relu1", False),
    LayerView("conv2", True),
    LayerView("bn2", True),
    LayerView("relu2", False),
]


@pytest.mark.parametrize(("name", "frozen"), [("frozen", 7), ("full", 0), ("scratch", 0)])
def test_all_or_nothing(name: str, frozen: int) -> None:
    assert registry.make(name, {}).boundary(LAYERS) == frozen


def test_only_scratch_starts_from_random_weights() -> None:
    assert [name for name in registry.names() if registry.make(name, ARGS.get(name, {})).weights == "random"] == [
        "scratch"
    ]


@pytest.mark.parametrize(("trainable", "frozen"), [(0.25, 5), (0.5, 4), (0.75, 2), (0.99, 1), (0.01, 5)])
def test_a_fraction_counts_layers_that_have_weights_from_the_top(trainable: float, frozen: int) -> None:
    assert registry.make("partial", {"trainable": trainable}).boundary(LAYERS) == frozen


def test_a_number_counts_all_layers_and_a_name_is_the_first_that_is_trained() -> None:
    assert registry.make("partial", {"frozen_layers": 3}).boundary(LAYERS) == 3
    assert registry.make("partial", {"from_layer": "conv2"}).boundary(LAYERS) == 4


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        ({}, "exactly one of trainable, frozen_layers, from_layer"),
        ({"trainable": 0.3, "frozen_layers": 3}, "exactly one of"),
        ({"trainable": 1.5}, "trainable: Input should be less than 1"),
        ({"trainable": -0.1}, "trainable: Input should be greater than 0"),
        ({"frozen_layers": -1}, "frozen_layers: Input should be greater than or equal to 0"),
        ({"trainabel": 0.3}, "did you mean 'trainable'"),
    ],
)
def test_arguments_that_make_no_boundary_are_refused(args: dict[str, float], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        registry.make("partial", args)


def test_a_boundary_outside_the_backbone_is_refused_when_the_backbone_is_known() -> None:
    with pytest.raises(ValueError, match="more than the backbone's 7 layers"):
        registry.make("partial", {"frozen_layers": 8}).boundary(LAYERS)
    with pytest.raises(ValueError, match="did you mean 'conv2'"):
        registry.make("partial", {"from_layer": "conv_2"}).boundary(LAYERS)


def test_scratch_takes_no_arguments() -> None:
    with pytest.raises(ValueError, match="scratch takes no arguments"):
        registry.make("scratch", {"trainable": 0.3})


@pytest.mark.parametrize("optimizer", sorted(RELATIVE_TO_ADAM))
def test_every_optimizer_has_a_default_rate_that_is_gentler_on_pretrained_layers(optimizer: str) -> None:
    rate = {name: registry.make(name, ARGS.get(name, {})).learning_rate(optimizer) for name in registry.names()}
    assert 0 < rate["full"] < rate["frozen"]


ARGS = {"partial": {"trainable": 0.3}}
