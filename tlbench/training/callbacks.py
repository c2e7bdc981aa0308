"""What happens between the steps and epochs of a training: measuring, validating, learning rates, stopping."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from tlbench.core.training import Monitor, Training
from tlbench.host.allocator import usage
from tlbench.results.measured import Usage
from tlbench.results.trained import Epoch
from tlbench.strategies.base import Phase
from tlbench.training.evaluate import DivergedError, Predicted, top_1
from tlbench.training.schedule import Schedule

OnEpoch = Callable[[Epoch], None]
MODES: Mapping[Monitor, str] = {"val_loss": "min", "val_accuracy": "max"}
NONE = Usage(user=0.0, system=0.0, faults=0.0)


class Watch(keras.callbacks.Callback):  # type: ignore[misc]
    """Evaluates the validation split after each epoch, and records the history and the times of steps.

    It must come before callbacks that read validation metrics. Keras' own validation is not used, because it would
    trace another function than the one that predicts the test split later.

    Args:
        phase: the phase.
        evaluate: predicts the validation split.
        loss: the loss of these predictions.
        on_epoch: called after each epoch.
    """

    def __init__(
        self,
        phase: Phase,
        evaluate: Callable[[], Predicted],
        loss: Callable[[Predicted], float],
        on_epoch: OnEpoch,
    ) -> None:
        super().__init__()
        self.history: list[Epoch] = []
        self._phase, self._evaluate, self._loss, self._on_epoch = phase, evaluate, loss, on_epoch
        self.steps: list[float] = []
        """Seconds of a step, for each call, without those of the first epoch."""
        self.count = 0
        """The number of these steps. A call takes one, or all steps of an epoch."""
        self.usage = self._before = NONE
        self._begin = self._rate = self._called = 0.0
        self._first = 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Start measuring. Called by Keras, like the others."""
        self._begin = time.perf_counter()
        self._rate = 0.0
        self._before = usage()

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Start measuring a call of the training function."""
        self._called, self._first = time.perf_counter(), batch

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Record its time, divided by the number of its steps."""
        if self.history:
            taken = batch - self._first + 1
            self.steps.append((time.perf_counter() - self._called) / taken)
            self.count += taken
        self._rate = max(self._rate, float(self.model.optimizer.learning_rate))

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Validate, and record the epoch.

        Raises:
            DivergedError: the loss is not finite.
        """
        assert logs is not None
        if self.history:
            self.usage += usage().since(self._before)
        # With several heads, Keras prefixes the metric with the name of the head.
        accuracy = next(float(value) for name, value in logs.items() if name.endswith("accuracy"))
        predicted = self._evaluate()
        logs |= {"val_loss": self._loss(predicted), "val_accuracy": top_1(predicted)}
        entry = Epoch(
            epoch=epoch + 1,
            loss=float(logs["loss"]),
            accuracy=accuracy,
            val_loss=logs["val_loss"],
            val_accuracy=logs["val_accuracy"],
            learning_rate=self._rate,
            seconds=time.perf_counter() - self._begin,
            phase=self._phase.name,
        )
        self.history.append(entry)
        self._on_epoch(entry)
        for name, loss in (("loss", entry.loss), ("validation loss", entry.val_loss)):
            if not math.isfinite(loss):
                raise DivergedError(
                    f"training diverged: the {name} was {loss} after epoch {entry.epoch} of phase {entry.phase}, "
                    f"at a learning rate of {entry.learning_rate:g}"
                )


class Rates(keras.callbacks.Callback):  # type: ignore[misc]
    """Sets the learning rate of each step. Keras' schedules could not be reset for the next cell of a group."""

    def __init__(self, schedule: Schedule) -> None:
        super().__init__()
        self._schedule, self._done = schedule, 0

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Set the rate of the next step. Called by Keras."""
        self.model.optimizer.learning_rate = self._schedule.at(self._done)
        self._done += 1


class Noise(keras.callbacks.Callback):  # type: ignore[misc]
    """Makes the noise of each step depend only on the seed, the epoch and the batch on torch too.

    There, dropout draws from torch's global generator instead of the layer's seed generator, and so does Keras before
    the first step of a model, and torch whenever it loads data.
    """

    def __init__(self, seed: int, done: int) -> None:
        super().__init__()
        self._seed, self._epoch = seed, done

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Seed torch for the step. Called by Keras, like the other one."""
        derived = np.random.SeedSequence((self._seed, self._epoch, batch + 1)).generate_state(1)[0]
        keras.utils.set_random_seed(int(derived >> 1))

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Count the epoch."""
        self._epoch += 1


def callbacks_of(
    train: Training, *, restores: bool
) -> tuple[keras.callbacks.EarlyStopping | None, Sequence[keras.callbacks.Callback]]:
    """The EarlyStopping that the settings ask for, and all callbacks that they ask for.

    restores: whether EarlyStopping may restore the best weights.
    """
    early, plateau = train.early_stopping, train.reduce_lr
    stopping, callbacks = None, []
    if early:
        stopping = keras.callbacks.EarlyStopping(
            monitor=early.monitor,
            mode=MODES[early.monitor],
            patience=early.patience,
            min_delta=early.min_delta,
            restore_best_weights=early.restore_best and restores,
        )
        callbacks.append(stopping)
    if plateau:
        callbacks.append(
            keras.callbacks.ReduceLROnPlateau(
                monitor=plateau.monitor,
                mode=MODES[plateau.monitor],
                factor=plateau.factor,
                patience=plateau.patience,
                min_lr=plateau.min_lr,
            )
        )
    return stopping, callbacks
