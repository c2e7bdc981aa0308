"""Freeze and unfreeze layers of a backbone, or some of their variables."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

import keras

from tlbench.core.cell import Head, Named
from tlbench.core.errors import UserError
from tlbench.core.training import Training
from tlbench.modeling.adapters import ADAPTERS
from tlbench.modeling.blocks import blocks_of
from tlbench.modeling.keras_private import sublayers
from tlbench.modeling.layers import draws_random_numbers, is_normalization, leaves, rate_name
from tlbench.strategies import registry as strategies
from tlbench.strategies.base import LayerView, Only, Part, Phase, as_asked

OFFSETS = ("bias", "beta")
SCALES = ("gamma", "scale")
NONE_OF = {
    "norm": "no normalisation layer with a scale or an offset",
    "bias": "no bias",
    "lora": "no Dense layer and no convolution that Keras can adapt (depthwise and separable ones it cannot)",
}


class Freezing:
    """Freezes parts of a backbone, and remembers how it was built, so that freezing can be undone.

    A frozen layer is a fixed function. For BatchNormalization, Keras 3 switches to inference mode if `trainable` is
    False. It does not for dropout, so the rate is set to 0 while a layer is frozen (EfficientNet drops whole blocks at
    random), and restored afterwards.

    Raises:
        UserError: a layer draws random numbers, but has no rate.
    """

    def __init__(self, backbone: keras.Model) -> None:
        self._layers = list(backbone.layers)
        drawing = [leaf for leaf in leaves(backbone) if draws_random_numbers(leaf)]
        named = [(leaf, _rate_name(backbone, leaf)) for leaf in drawing]
        self._rates = {id(leaf): (name, getattr(leaf, name)) for leaf, name in named}
        self._fixed = {id(leaf) for leaf in leaves(backbone) if not leaf.trainable}

    def freeze(self, part: Part) -> None:
        """Unfreeze `part` of the backbone, with layers counted as in ``backbone.layers``, and freeze all others."""
        until = len(self._layers) if part.until is None else part.until
        for number, layer in enumerate(self._layers):
            free = part.frozen <= number < until
            layer.trainable = False  # since Keras on TensorFlow passes nothing on to variables if the value stays
            layer.trainable = free
            for leaf in leaves(layer):
                if id(leaf) in self._rates:
                    name, built = self._rates[id(leaf)]
                    setattr(leaf, name, built if free else 0)
                if free and id(leaf) in self._fixed:
                    leaf.trainable = False
                elif free and part.only != "all":
                    _free_only(leaf, part.only)


def _rate_name(backbone: keras.Model, leaf: keras.Layer) -> str:
    name = rate_name(leaf)
    if name is None:
        raise UserError(
            f"{backbone.name} has a layer that draws random numbers and has no rate to be 0 while it is frozen, "
            f"{leaf.name!r} ({type(leaf).__name__}); leave it out of the model"
        )
    return name


def _free_only(leaf: keras.Layer, only: Only) -> None:
    """Unfreeze only some variables of a layer; without any, the layer is frozen.

    A composite layer stays free, since freezing it would freeze its sublayers, whose turn is after it.
    """
    inside = {id(one) for layer in sublayers(leaf) for one in layer.weights}
    own = [one for one in leaf.trainable_variables if id(one) not in inside]
    wanted = {id(one) for one in own if _is_wanted(leaf, one.name, only)}
    leaf.trainable = bool(wanted or inside)
    for variable in own if leaf.trainable else ():
        variable.trainable = id(variable) in wanted


def _is_wanted(leaf: keras.Layer, name: str, only: Only) -> bool:
    if only == "norm":
        return is_normalization(leaf) and name in (*OFFSETS, *SCALES)
    return name in (OFFSETS if only == "bias" else ADAPTERS)


def part_of(backbone: keras.Model, strategy: Named) -> Part:
    """The part of the backbone that the strategy trains in the phase that trains most.

    Raises:
        UserError: the strategy's arguments do not fit the backbone.
    """
    with _told(backbone, strategy):
        return strategies.make(strategy.name, strategy.args).part(views_of(backbone))


def check_part(backbone: keras.Model, strategy: Named, part: Part) -> None:
    """Raise UserError if the strategy trains only certain variables, and the backbone has none of them."""
    if part.only != "all" and not backbone.trainable_variables:
        raise UserError(f"strategy {strategy.label} on {backbone.name}: the backbone has {NONE_OF[part.only]}")


def phases_of(backbone: keras.Model, strategy: Named, train: Training, head: Head) -> tuple[Phase, ...]:
    """The phases of a training. Raises UserError as `part_of`."""
    with _told(backbone, strategy):
        phases = strategies.make(strategy.name, strategy.args).phases(views_of(backbone), train, head)
    return as_asked(phases, train)


def views_of(backbone: keras.Model) -> list[LayerView]:
    """The description of each of ``backbone.layers`` for strategies."""
    places = [place for place, one in enumerate(backbone.operations) if isinstance(one, keras.Layer)]
    operations = [place - before for before, place in pairwise([-1, *places])]
    return [
        LayerView(layer.name, type(layer).__name__, block, layer.count_params(), number)
        for layer, block, number in zip(backbone.layers, blocks_of(backbone), operations, strict=True)
    ]


@contextmanager
def _told(backbone: keras.Model, strategy: Named) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise UserError(f"strategy {strategy.label} on {backbone.name}: {error}") from error
