"""An optimizer that takes each variable's step at a rate of its own: that of all, times the variable's multiple."""

from collections.abc import Sequence
from typing import Any

import keras

from tlbench.modeling.assemble import Assembled
from tlbench.modeling.keras_private import variable_index
from tlbench.strategies.base import Phase


def multiples_of(
    assembled: Assembled, phase: Phase, model: keras.Model, second: keras.Model | None = None
) -> tuple[float, ...]:
    """The multiple of each of ``model.trainable_variables`` in a gradient phase; empty where all are 1.

    second: a head that is trained at the rate of the backbone.
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
    """The optimizer with a rate for each variable; itself where there are no multiples."""
    if not multiples:
        return optimizer
    return at_multiples(type(optimizer), multiples).from_config(optimizer.get_config())


def at_multiples(kind: Any, multiples: Sequence[Any]) -> Any:
    """A class of optimizers like `kind` that steps variable i, as `build` was given them, at `multiples[i]` the rate.

    Only the step is scaled; decoupled weight decay is applied at the rate of all.
    """
    # What Keras makes of it on torch updates all variables at once, without `update_step`; subclasses of that do, too.
    public: Any = getattr(keras.optimizers, kind.__name__)

    class AtMultiples(public):  # type: ignore[misc]
        """The optimizer, with a rate for each variable."""

        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            times = multiples[variable_index(self, variable)]
            super().update_step(gradient, variable, keras.ops.cast(learning_rate, variable.dtype) * times)

    return AtMultiples
