"""Optimizers with a learning rate per variable: the common rate times the variable's multiple."""

from collections.abc import Sequence
from typing import Any

import keras

from tlbench.modeling.assemble import Assembled
from tlbench.modeling.keras_private import variable_index
from tlbench.strategies.base import Phase


def multiples_of(
    assembled: Assembled, phase: Phase, model: keras.Model, second: keras.Model | None = None
) -> tuple[float, ...]:
    """The factor on the learning rate for each of ``model.trainable_variables``; empty if all are 1.

    Args:
        assembled: the parts of the model.
        phase: a gradient phase.
        model: the model that is trained.
        second: a second head, which is trained at the learning rate of the backbone.
    """
    head = 1.0 if phase.head_rate is None else phase.head_rate / phase.learning_rate
    if head == 1 and not phase.multiples:
        return ()
    layers = assembled.backbone.layers
    each = phase.multiples or (1.0,) * len(layers)
    known = {id(one): times for layer, times in zip(layers, each, strict=True) for one in layer.weights}
    known |= {id(one): 1.0 for one in (second.weights if second else ())}
    return tuple(known.get(id(one), head) for one in model.trainable_variables)


def with_multiples(optimizer: keras.optimizers.Optimizer, multiples: Sequence[float]) -> keras.optimizers.Optimizer:
    """An optimizer like `optimizer` with a factor on the learning rate for each variable; itself without factors."""
    if not multiples:
        return optimizer
    return at_multiples(type(optimizer), multiples).from_config(optimizer.get_config())


def at_multiples(kind: Any, multiples: Sequence[Any]) -> Any:
    """A subclass of the optimizer class `kind` that scales the step of variable i of `build` by `multiples[i]`.

    Decoupled weight decay is not scaled.
    """
    # On torch, Keras' own subclasses update all variables at once without calling `update_step`: derive from the public
    # class instead.
    public: Any = getattr(keras.optimizers, kind.__name__)

    class AtMultiples(public):  # type: ignore[misc]
        """The optimizer, with a factor on the learning rate for each variable."""

        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            times = multiples[variable_index(self, variable)]
            super().update_step(gradient, variable, keras.ops.cast(learning_rate, variable.dtype) * times)

    return AtMultiples
