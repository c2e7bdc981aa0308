"""Train a model by gradient steps, and reset it to train another cell of the same structure."""

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import numpy as np

from tlbench.core.cell import Cell
from tlbench.core.training import Monitor, Training
from tlbench.host.allocator import usage
from tlbench.modeling.layers import seed_noise
from tlbench.results.measured import Usage
from tlbench.results.trained import Epoch, Setting
from tlbench.strategies.base import Phase
from tlbench.training.augment import augmented
from tlbench.training.batches import Arrays, Batches, ToTrain
from tlbench.training.best import Averages, Best, Sums
from tlbench.training.compiling import compile_to_train
from tlbench.training.evaluate import DivergedError, Predicted, balanced_weights, cross_entropy, predict, top_1
from tlbench.training.mixing import BatchChange
from tlbench.training.pull import Penalties, in_the_loss
from tlbench.training.schedule import Schedule
from tlbench.training.second_head import Along

OnEpoch = Callable[[Epoch], None]
FLAT = (0.0, "constant")
"""Warm-up and schedule of a constant learning rate."""
MODES: Mapping[Monitor, str] = {"val_loss": "min", "val_accuracy": "max"}
NONE = Usage(user=0.0, system=0.0, faults=0.0)


@dataclass(frozen=True)
class Fitted:
    """The result of a phase of training.

    Attributes:
        history: the epochs.
        kept: the index in `history` of the epoch whose weights the model has now; -1 for the initial weights.
        step: median time of a training step in seconds, without the first epoch; None for a single epoch.
        usage: mean resource usage of such a step.
        tried: where weights were combined, the combinations tried and their validation metrics.
        chosen: the index in `tried` of the combination that the model has now; it then belongs to no epoch.
    """

    history: tuple[Epoch, ...]
    kept: int
    step: float | None
    usage: Usage | None = None
    tried: tuple[Setting, ...] = ()
    chosen: int | None = None


class Trainer:
    """A model compiled for the gradient phases of a cell.

    It can be trained repeatedly: `fit` resets the optimizer, while the caller resets the weights of the model.

    Args:
        model: the model to train, on images or on features.
        cell: the cell whose settings are compiled; others may differ in settings that are not (`groups.NOT_COMPILED`).
        jit: whether to compile with XLA or the like.
        ema: decay of the moving average of the weights; 0: none.
        multiples: a factor on the learning rate for each trainable variable; empty: 1 for all.
        along: further heads that are trained along, from the same initial weights each time.
        penalties: added to the loss.
    """

    def __init__(
        self,
        model: keras.Model,
        cell: Cell,
        jit: bool,
        ema: float = 0.0,
        multiples: Sequence[float] = (),
        along: Along | None = None,
        penalties: Penalties = (),
    ) -> None:
        self.model, self.along, self._penalties = model, along, penalties
        self._trained = along.model if along else model
        augmentation = cell.training.augmentation
        if augmentation and not augmentation.views:
            self._trained = augmented(self._trained, augmentation, cell.seed)
        if self._trained is not model:
            model.compile(optimizer=None, jit_compile=jit)
        compile_to_train(self._trained, cell, jit, ema, multiples, along)
        changes_batches = cell.training.soft_labels or cell.training.rand_augment
        self._change = BatchChange(cell.training, model.output_shape[-1]) if changes_batches else None
        self._optimizer = self._trained.optimizer
        self._initial_state = [keras.ops.convert_to_numpy(one.value) for one in self._optimizer.variables]

    @property
    def slots(self) -> list[keras.Variable]:
        """The optimizer's own variables, without its copies of the model's weights."""
        copies = getattr(self._optimizer, "copies", [])
        return [one for one in self._optimizer.variables if all(one is not copy for copy in copies)]

    def fit(
        self,
        cell: Cell,
        phase: Phase,
        train: ToTrain,
        validation: Arrays,
        on_epoch: OnEpoch,
        start: Epoch | None = None,
        done: int = 0,
    ) -> Fitted:
        """Train one phase. The validation split is evaluated after each epoch, the test split never.

        Args:
            cell: the cell to train, which may differ from the compiled one in settings that are not compiled.
            phase: the phase.
            train: the training split.
            validation: the validation split.
            on_epoch: called after each epoch.
            start: the validation metrics of the model's initial weights, which the phase may keep.
            done: the number of epochs in earlier phases of this training, which decides the order of batches, the views
                and the random changes of images.

        Raises:
            DivergedError: the loss after an epoch is not finite.
        """
        settings = cell.training
        steps = phase.epochs * math.ceil(len(train[1]) / settings.batch_size)
        schedule = Schedule(phase.learning_rate, steps, phase.warmup, phase.schedule)
        gather = self._reset(cell.seed, schedule.at(0), done)
        classes = max(2, self.model.output_shape[-1])  # one sigmoid unit stands for two classes
        weights = balanced_weights(train[1], classes) if settings.class_weight else None
        loss = partial(cross_entropy, class_weights=weights)

        def evaluate() -> Predicted:
            return predict(self.model, *validation, settings.batch_size)

        watch = _Watch(phase, evaluate, loss, on_epoch)
        best = Best(self.model, settings.monitor, start if phase.keep_start else None, phase.soup or 1)
        initial = self.model.get_weights() if phase.shares else ()
        stopping, from_settings = _callbacks(settings, restores=not (phase.keep_best or phase.shares))
        batches = Batches(
            *train,
            batch_size=settings.batch_size,
            seed=cell.seed,
            change=self._change,
            class_weights=weights,
            along=self.along.targets if self.along else None,
            first=done,
        )
        noise = [_Noise(cell.seed, done)] if keras.backend.backend() == "torch" else []
        rates = [_Rates(schedule)] if (phase.warmup, phase.schedule) != FLAT else []
        callbacks = [*noise, *rates, *self._validation(phase, watch, best, gather), *from_settings]
        with in_the_loss(self._penalties):  # the penalties are traced with the first step
            # No shuffling by Keras: `batches` have an order of their own.
            self._trained.fit(batches, epochs=phase.epochs, shuffle=False, callbacks=callbacks, verbose=0)

        history = tuple(watch.history)
        step = statistics.median(watch.steps) if watch.steps else None
        cost = watch.usage.since(NONE, len(watch.steps)) if watch.steps else None
        if phase.soup or phase.shares:
            tried, chosen = Sums(self.model, evaluate, loss, settings.monitor).settle(phase, initial, best)
            return Fitted(history, len(history) - 1, step, cost, tried, chosen)
        if phase.keep_best:
            kept = best.restore()
        elif stopping is not None and stopping.restore_best_weights:
            kept = stopping.best_epoch
        else:
            kept = len(history) - 1
        return Fitted(history, kept, step, cost)

    def _validation(
        self, phase: Phase, watch: "_Watch", best: Best, gather: Callable[[], None]
    ) -> list[keras.callbacks.Callback]:
        """The callbacks that evaluate the validation split, on the averaged weights if there are any."""
        callbacks = [watch, best] if phase.keep_best or phase.soup else [watch]
        if not phase.ema:
            return callbacks
        averages = Averages(self._trained, gather)
        return [averages.show, *callbacks, averages.hide]

    def _reset(self, seed: int, rate: float, done: int) -> Callable[[], None]:
        """Reset the optimizer, the heads that are trained along, and the random generators of layers.

        Args:
            seed: the seed of the cell.
            rate: the learning rate of the first step.
            done: the number of epochs in earlier phases.

        Returns:
            A function that updates the optimizer's copies of the model's weights, if it has any.
        """
        for variable, value in zip(self._optimizer.variables, self._initial_state, strict=True):
            variable.assign(value)
        self._optimizer.learning_rate = rate
        if self.along:
            self.along.restore(seed)
        gather: Callable[[], None] = getattr(self._optimizer, "gather", _nothing)
        gather()
        seed_noise(self._trained, seed, done)
        return gather


def _nothing() -> None:
    """Do nothing, for optimizers without copies of the weights."""


class _Watch(keras.callbacks.Callback):  # type: ignore[misc]
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
        self.usage = self._before = NONE
        self._begin = self._rate = self._step = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._begin = time.perf_counter()
        self._rate = 0.0
        self._before = usage()

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._step = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if self.history:
            self.steps.append(time.perf_counter() - self._step)
        self._rate = max(self._rate, float(self.model.optimizer.learning_rate))

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
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


class _Rates(keras.callbacks.Callback):  # type: ignore[misc]
    """Sets the learning rate of each step. Keras' schedules could not be reset for the next cell of a group."""

    def __init__(self, schedule: Schedule) -> None:
        super().__init__()
        self._schedule, self._done = schedule, 0

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.model.optimizer.learning_rate = self._schedule.at(self._done)
        self._done += 1


class _Noise(keras.callbacks.Callback):  # type: ignore[misc]
    """Makes the noise of each epoch depend only on the seed and the epoch on torch too.

    There, dropout draws from torch's global generator instead of the layer's seed generator, and so does Keras before
    the first step of a model.
    """

    def __init__(self, seed: int, done: int) -> None:
        super().__init__()
        self._seed, self._done = seed, done

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        derived = np.random.SeedSequence((self._seed, self._done + epoch)).generate_state(1)[0]
        keras.utils.set_random_seed(int(derived >> 1))


def _callbacks(
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
            mode=MODES[early.monitor],  # Keras finds it by the class of the metric, and knows none for soft labels
            patience=early.patience,
            min_delta=early.min_delta,
            restore_best_weights=early.restore_best and restores,
        )
        callbacks.append(stopping)
    if plateau:
        callbacks.append(
            keras.callbacks.ReduceLROnPlateau(
                monitor=plateau.monitor, factor=plateau.factor, patience=plateau.patience, min_lr=plateau.min_lr
            )
        )
    return stopping, callbacks
