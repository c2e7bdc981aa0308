"""Compile a model: the optimizer, the loss of its head, and what settings of training make of both."""

from collections.abc import Sequence
from typing import Any

import keras

from tlbench.core.cell import Cell, Training
from tlbench.training.one_update import one_update
from tlbench.training.rates import with_multiples
from tlbench.training.second_head import Along

ACCURACY = "accuracy"
"""What the log of an epoch calls it."""


def compile_model(model: keras.Model, cell: Cell, jit: bool, multiples: Sequence[float] = ()) -> None:
    """Compile as a user of Keras does, with the cell's optimizer and the loss of its head: what steps are timed with.

    multiples: of the learning rate, one for each trainable variable of the model; empty where all are 1.

    TensorFlow traces the first step twice where variables are made inside it, so the optimizer's state is made at once,
    and the metric is handed over as an object: of a name, Keras would make one in the step. A cell that trains nothing
    gets no optimizer.
    """
    if cell.kind == "original":
        model.compile(optimizer=None, jit_compile=jit)
        return
    sigmoid = cell.head.output == "sigmoid"
    loss = "binary_crossentropy" if sigmoid else "sparse_categorical_crossentropy"
    metric = keras.metrics.BinaryAccuracy if sigmoid else keras.metrics.SparseCategoricalAccuracy
    optimizer = with_multiples(optimizer_of(cell.training), multiples)
    _compile(model, optimizer, loss, [metric(name=ACCURACY)], jit)


def compile_to_train(
    model: keras.Model,
    cell: Cell,
    jit: bool,
    ema: float = 0.0,
    multiples: Sequence[float] = (),
    along: Along | None = None,
) -> None:
    """Compile for the cell's training: one update for all variables, weight decay, labels that `BatchChange` gives.

    ema: the decay of the averages of the weights that the optimizer keeps; 0: none. multiples: as `compile_model`.
    along: what the model's outputs beside the first are of; None: it has one output.
    """
    asked = cell.training
    decays = asked.weight_decay is not None
    kept = spared if decays else lambda variable: False
    optimizer = one_update(optimizer_of(asked, ema), model, kept, multiples)
    loss, metric = _loss(cell)
    if along is None:
        _compile(model, optimizer, loss, [metric], jit)
    else:
        others = along.losses(loss)
        weights = [1.0, *[along.weight] * len(others)]
        _compile(model, optimizer, [loss, *others], [[metric], *[[]] * len(others)], jit, loss_weights=weights)


def optimizer_of(train: Training, ema: float = 0.0) -> keras.optimizers.Optimizer:
    """The optimizer, with decoupled weight decay where it is asked for, and averages of the weights.

    Decoupled: I. Loshchilov and F. Hutter, "Decoupled Weight Decay Regularization" (ICLR 2019), algorithms 1 and 2;
    Keras has it in every optimizer, as the product of decay and learning rate.
    """
    config: dict[str, Any] = {"learning_rate": train.learning_rate}
    if train.weight_decay is not None:
        config["weight_decay"] = train.weight_decay
    if ema:
        config |= {"use_ema": True, "ema_momentum": ema}
    return keras.optimizers.get({"class_name": train.optimizer, "config": config})


def spared(variable: keras.Variable) -> bool:
    """Whether weight decay leaves a variable alone: biases and what normalization scales with, as timm has it."""
    return len(variable.shape) <= 1


def _loss(cell: Cell) -> tuple[Any, Any]:
    """The loss, and the training accuracy; of labels in parts, the class with the largest part is the true one."""
    train, metrics = cell.training, keras.metrics
    if cell.head.output == "sigmoid":
        loss = keras.losses.BinaryCrossentropy(label_smoothing=train.label_smoothing)
        halves = metrics.MeanMetricWrapper(_halves, name=ACCURACY)
        return loss, halves if train.mixes else metrics.BinaryAccuracy(name=ACCURACY)
    if train.soft_labels:
        loss = keras.losses.CategoricalCrossentropy(label_smoothing=train.label_smoothing)
        return loss, metrics.CategoricalAccuracy(name=ACCURACY)
    return "sparse_categorical_crossentropy", metrics.SparseCategoricalAccuracy(name=ACCURACY)


def _halves(true: Any, predicted: Any) -> Any:
    return keras.ops.cast((true > 0.5) == (predicted > 0.5), "float32")


def _compile(
    model: keras.Model, optimizer: keras.optimizers.Optimizer, loss: Any, metrics: Any, jit: bool, **of_losses: Any
) -> None:
    model.compile(optimizer=optimizer, loss=loss, metrics=metrics, jit_compile=jit, **of_losses)
    model.optimizer.build(model.trainable_variables)
