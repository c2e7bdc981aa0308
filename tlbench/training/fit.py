"""Train an assembled model: compile, fit, history per epoch."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from tlbench.results.record import Epoch
from tlbench.suite.cell import Cell, Training
from tlbench.training.augment import augmented
from tlbench.training.batches import Batches

Arrays = tuple[NDArray[np.uint8], NDArray[np.int32]]
OnEpoch = Callable[[Epoch], None]


@dataclass(frozen=True)
class Fitted:
    """What training gave. `kept` is the index in `history` of the epoch whose weights the model has now."""

    history: tuple[Epoch, ...]
    kept: int


class _Watch(keras.callbacks.Callback):  # type: ignore[misc]
    """Keeps the history with the wall time of each epoch, and tells of each epoch as it ends."""

    def __init__(self, on_epoch: OnEpoch) -> None:
        super().__init__()
        self.history: list[Epoch] = []
        self._on_epoch = on_epoch
        self._begin = self._rate = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._begin = time.perf_counter()
        self._rate = float(self.model.optimizer.learning_rate)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        assert logs is not None
        entry = Epoch(
            epoch=epoch + 1,
            loss=float(logs["loss"]),
            accuracy=float(logs["accuracy"]),
            val_loss=float(logs["val_loss"]),
            val_accuracy=float(logs["val_accuracy"]),
            learning_rate=self._rate,
            seconds=time.perf_counter() - self._begin,
        )
        self.history.append(entry)
        self._on_epoch(entry)


def compile_model(model: keras.Model, cell: Cell, jit: bool) -> None:
    """Compile with the cell's optimizer and the loss of its head; the optimizer's state is made at once.

    TensorFlow traces the first step twice where that state is made inside it. A cell that trains nothing gets no
    optimizer.
    """
    if cell.train is None:
        model.compile(optimizer=None, jit_compile=jit)
        return
    optimizer = keras.optimizers.get(
        {"class_name": cell.train.optimizer, "config": {"learning_rate": cell.train.learning_rate}}
    )
    loss = "binary_crossentropy" if cell.head.output == "sigmoid" else "sparse_categorical_crossentropy"
    model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"], jit_compile=jit)
    model.optimizer.build(model.trainable_variables)


def fit(model: keras.Model, cell: Cell, train: Arrays, validation: Arrays, jit: bool, on_epoch: OnEpoch) -> Fitted:
    """Compile `model` and train it in place; the validation set is looked at after each epoch, never the test set."""
    assert cell.train is not None
    compile_model(model, cell, jit)
    trained = model
    if cell.train.augmentation:
        trained = augmented(model, cell.train.augmentation, cell.seed)
        compile_model(trained, cell, jit)
    watch = _Watch(on_epoch)
    stopping, callbacks = _callbacks(cell.train)
    trained.fit(
        Batches(*train, batch_size=cell.train.batch_size, seed=cell.seed),
        validation_data=Batches(*validation, batch_size=cell.train.batch_size),
        epochs=cell.train.epochs,
        shuffle=False,  # Batches draws its own order
        callbacks=[watch, *callbacks],
        verbose=0,
    )
    kept = len(watch.history) - 1
    if stopping is not None and stopping.restore_best_weights:
        kept = stopping.best_epoch
    return Fitted(tuple(watch.history), kept)


def _callbacks(train: Training) -> tuple[keras.callbacks.EarlyStopping | None, list[keras.callbacks.Callback]]:
    stopping, callbacks = None, []
    if train.early_stopping:
        asked = train.early_stopping
        stopping = keras.callbacks.EarlyStopping(
            monitor=asked.monitor,
            patience=asked.patience,
            min_delta=asked.min_delta,
            restore_best_weights=asked.restore_best,
        )
        callbacks.append(stopping)
    if train.reduce_lr:
        plateau = train.reduce_lr
        callbacks.append(
            keras.callbacks.ReduceLROnPlateau(
                monitor=plateau.monitor, factor=plateau.factor, patience=plateau.patience, min_lr=plateau.min_lr
            )
        )
    return stopping, callbacks
