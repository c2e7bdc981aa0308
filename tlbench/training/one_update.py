"""Update all variables by a single operation of the optimizer, to save tracing one for each on TensorFlow.

Tracing the 158 updates of MobileNetV2 takes 6 of the 12 seconds of its first training step on one core; tracing a
single one takes almost no time. The arithmetic is the same, element by element, and so are the resulting weights.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from tlbench.training.rates import at_multiples, with_multiples

BY_ELEMENT = ("SGD", "RMSprop", "Adam", "AdamW", "Nadam", "Adamax", "Adagrad", "Adadelta", "Lion", "Ftrl")
"""Optimizers that update each element of a variable independently of all others."""

Spared = Callable[[Any], bool]
"""Whether weight decay leaves a variable alone."""

FEWEST, LARGEST = 16, 20_000_000
"""With fewer variables than the first, or more parameters than the second, copying costs more than tracing."""


def one_update(
    optimizer: keras.optimizers.Optimizer,
    model: keras.Model,
    spared: Spared = lambda variable: False,
    multiples: Sequence[float] = (),
) -> keras.optimizers.Optimizer:
    """An optimizer like `optimizer` that updates all variables of the model at once, where that is exact and worth it.

    Args:
        optimizer: the optimizer, not built yet.
        model: the model.
        spared: which variables weight decay leaves alone; they are updated by a second operation.
        multiples: a factor on the learning rate for each variable; empty: 1 for all.
    """
    variables = model.trainable_variables
    alike = {variable.dtype for variable in variables} == {"float32"}
    scaled = keras.config.dtype_policy().name == "mixed_float16"  # Keras wraps the optimizer to scale the loss
    worth_it = len(variables) >= FEWEST and sum(math.prod(one.shape) for one in variables) <= LARGEST
    unconstrained = all(one.constraint is None for one in variables)  # Keras applies constraints to what it updates
    exact = alike and unconstrained and not scaled and type(optimizer).__name__ in BY_ELEMENT
    if keras.backend.backend() != "tensorflow" or not exact or not worth_it:
        optimizer = with_multiples(optimizer, multiples)
        optimizer.exclude_from_weight_decay(var_list=[one for one in variables if spared(one)])
        return optimizer
    kind = type(optimizer)
    if multiples:
        kind = at_multiples(kind, _joined_multiples(variables, multiples, spared))
    return _flat(kind, spared).from_config(optimizer.get_config())


def _joined_multiples(variables: Sequence[Any], multiples: Sequence[float], spared: Spared) -> list[Any]:
    """A factor for each element, in the order in which variables are joined."""
    joined = []
    for share in (False, True):
        each = [
            np.full(math.prod(one.shape), times, np.float32)
            for one, times in zip(variables, multiples, strict=True)
            if bool(spared(one)) is share
        ]
        joined += [np.concatenate(each)] if each else []
    return joined


def _flat(kind: Any, spared: Spared) -> Any:
    class Flat(kind):  # type: ignore[misc]
        """The optimizer for one variable that holds the elements of all variables of the model.

        If weight decay spares some of them, there is a second variable for these.
        """

        def build(self, variables: Sequence[Any]) -> None:
            if self.built:
                return
            parts = list(variables)
            # Behind a function, because Keras would track a list of variables as the optimizer's own.
            self._parts: Callable[[], list[Any]] = lambda: parts
            numbers = {False: list[int](), True: list[int]()}
            for number, part in enumerate(parts):
                numbers[spared(part)].append(number)
            self._numbers = [found for found in numbers.values() if found]
            with keras.name_scope(self.name):
                self._joined = [keras.Variable(_join(held), name="all_variables") for held in self._shares(parts)]
            self.exclude_from_weight_decay(var_list=self._joined[-1:] if numbers[True] else [])
            super().build(self._joined)

        @property
        def copies(self) -> list[keras.Variable]:
            """The variables that duplicate the model's."""
            return list(self._joined)

        def gather(self) -> None:
            """Copy the weights from the model."""
            for joined, held in zip(self._joined, self._shares(self._parts()), strict=True):
                joined.assign(_join(held))

        def apply(self, grads: Sequence[Any], trainable_variables: Sequence[keras.Variable] | None = None) -> None:
            del trainable_variables
            super().apply([_join(held) for held in self._shares(grads)], self._joined)
            self._scatter()

        def finalize_variable_values(self, var_list: Sequence[keras.Variable]) -> None:
            """Set the model to the moving averages of its weights, if `use_ema` keeps them."""
            del var_list
            super().finalize_variable_values(self._joined)
            if self.use_ema:
                self._scatter()

        def _shares(self, values: Sequence[Any]) -> list[list[Any]]:
            return [[values[number] for number in numbers] for numbers in self._numbers]

        def _scatter(self) -> None:
            for joined, held in zip(self._joined, self._shares(self._parts()), strict=True):
                ends = list(itertools.accumulate(math.prod(one.shape) for one in held))[:-1]
                parts = keras.ops.split(joined, ends) if ends else [joined]
                for variable, values in zip(held, parts, strict=True):
                    variable.assign(keras.ops.reshape(values, variable.shape))

    return Flat


def _join(tensors: Sequence[Any]) -> Any:
    return keras.ops.concatenate([keras.ops.reshape(one, (-1,)) for one in tensors])
