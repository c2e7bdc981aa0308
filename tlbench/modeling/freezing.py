"""Freeze the first layers of a backbone, and free them again."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras

from tlbench.core.cell import Head, Named, Training
from tlbench.core.errors import UserError
from tlbench.modeling.layers import draws_random_numbers, leaves
from tlbench.strategies import registry as strategies
from tlbench.strategies.base import LayerView, Phase, as_asked


class Freezing:
    """Which of a backbone's layers are fixed. It remembers them as they were built, so that freezing can be undone.

    A frozen layer is a fixed function. BatchNormalization runs in inference mode: Keras 3 sees to that where
    `trainable` is False. Dropout does not, so its rate is 0 while it is frozen (EfficientNet drops whole blocks at
    random), and as built when it is freed.
    """

    def __init__(self, backbone: keras.Model) -> None:
        self._layers = list(backbone.layers)
        self._rates = {id(leaf): leaf.rate for leaf in leaves(backbone) if draws_random_numbers(leaf)}
        self._fixed = {id(leaf) for leaf in leaves(backbone) if not leaf.trainable}

    def freeze(self, frozen: int) -> None:
        """Fix the first `frozen` layers, counted as in ``backbone.layers``, and no others."""
        for number, layer in enumerate(self._layers):
            free = number >= frozen
            layer.trainable = free
            for leaf in leaves(layer):
                if id(leaf) in self._rates:
                    leaf.rate = self._rates[id(leaf)] if free else 0
                if free and id(leaf) in self._fixed:
                    leaf.trainable = False


def frozen_layers(backbone: keras.Model, strategy: Named) -> int:
    """How many of the backbone's first layers the strategy does not train in the end.

    Raises UserError where the strategy's arguments do not fit the backbone.
    """
    with _told(backbone, strategy):
        return strategies.make(strategy.name, strategy.args).boundary(_views(backbone))


def phases_of(backbone: keras.Model, strategy: Named, train: Training, head: Head) -> tuple[Phase, ...]:
    """The phases of a training. Raises UserError as `frozen_layers`."""
    with _told(backbone, strategy):
        phases = strategies.make(strategy.name, strategy.args).phases(_views(backbone), train, head)
    return tuple(as_asked(phase, train) for phase in phases)


def _views(backbone: keras.Model) -> list[LayerView]:
    return [LayerView(layer.name, bool(layer.weights)) for layer in backbone.layers]


@contextmanager
def _told(backbone: keras.Model, strategy: Named) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise UserError(f"strategy {strategy.label} on {backbone.name}: {error}") from error
