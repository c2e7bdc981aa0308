"""Compile a model with the optimizer, loss and metric that a cell asks for."""

from collections.abc import Sequence
from typing import Any

import keras

from tlbench.core.cell import Cell
from tlbench.core.training import Training
from tlbench.training.one_update import Spared, one_update
from tlbench.training.rates import with_multiples
from tlbench.training.second_head import Along

ACCURACY = "accuracy"
"""The name of the training accuracy in the logs of an epoch."""


def compile_model(model: keras.Model, cell: Cell, jit: bool, multiples: Sequence[float] = ()) -> None:
    """Compile a model for timing its steps, as a user of Keras would.

    TensorFlow traces the first step twice if it creates variables. So the optimizer is built here, and the metric is an
    object: from a name, Keras would create it within the step.

    Args:
        model: the model.
        cell: its cell; an original classifier gets no optimizer.
        jit: whether to compile with XLA or the like.
        multiples: a factor on the learning rate for each trainable variable; empty: 1 for all.
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
    """Compile a model for the training of a cell.

    Unlike `compile_model`, this updates all variables at once, and supports weight decay and soft labels.

    Args:
        model: the model.
        cell: its cell.
        jit: whether to compile with XLA or the like.
        ema: decay of the moving average of the weights; 0: none.
        multiples: a factor on the learning rate for each trainable variable; empty: 1 for all.
        along: the heads of further outputs; None: the model has one output.
    """
    settings = cell.training
    optimizer = one_update(optimizer_of(settings, ema), model, spares(settings), multiples)
    loss, metric = _loss(cell)
    if along is None:
        _compile(model, optimizer, loss, [metric], jit)
    else:
        others = along.losses(loss)
        loss_weights = [1.0, *[along.weight] * len(others)]
        _compile(model, optimizer, [loss, *others], [[metric], *[[]] * len(others)], jit, loss_weights=loss_weights)


def optimizer_of(train: Training, ema: float = 0.0) -> keras.optimizers.Optimizer:
    """The optimizer that the settings ask for.

    Weight decay is decoupled from the loss (I. Loshchilov and F. Hutter, "Decoupled Weight Decay Regularization", ICLR
    2019, algorithms 1 and 2); every Keras optimizer supports it, as the product of decay and learning rate.

    Args:
        train: the settings.
        ema: decay of the moving average of the weights; 0: none.
    """
    config: dict[str, Any] = {"learning_rate": train.learning_rate}
    if train.weight_decay is not None:
        config["weight_decay"] = train.weight_decay
    if ema:
        config |= {"use_ema": True, "ema_momentum": ema}
    return keras.optimizers.get({"class_name": train.optimizer, "config": config})


def spares(train: Training) -> Spared:
    """Which variables weight decay leaves alone: the optimizer's default none, one that the settings ask for some."""
    return spared if train.weight_decay is not None else lambda variable: False


def spared(variable: keras.Variable) -> bool:
    """Whether weight decay leaves a variable alone: biases, and scale and offset of normalization, as in timm."""
    return len(variable.shape) <= 1


def _loss(cell: Cell) -> tuple[Any, Any]:
    """The loss and the training accuracy. The true class of a soft label is the most probable one."""
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
    """Binary accuracy for soft labels, which are rounded like predictions."""
    return keras.ops.cast((true > 0.5) == (predicted > 0.5), "float32")


def _compile(
    model: keras.Model, optimizer: keras.optimizers.Optimizer, loss: Any, metrics: Any, jit: bool, **of_losses: Any
) -> None:
    model.compile(optimizer=optimizer, loss=loss, metrics=metrics, jit_compile=jit, **of_losses)
    model.optimizer.build(model.trainable_variables)
