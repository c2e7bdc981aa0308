"""Train a model: compile, fit, history per epoch; and set it back for another cell of the same structure."""

import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import numpy as np

from tlbench.core.cell import Cell, Training
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
NONE = Usage(user=0.0, system=0.0, faults=0.0)


@dataclass(frozen=True)
class Fitted:
    """What training gave.

    kept: the index in `history` of the epoch whose weights the model has now; -1 for those it began with. step: median
    seconds of a training step, the first epoch left out; None for a single epoch. usage: what such a step cost on
    average. tried, chosen: where weights were
    summed, what validation said of each sum, and the index of the one the model has; it is then of no epoch.
    """

    history: tuple[Epoch, ...]
    kept: int
    step: float | None
    usage: Usage | None = None
    tried: tuple[Setting, ...] = ()
    chosen: int | None = None


class Trainer:
    """`model` compiled for gradient phases of `cell`, with the random changes of its images in front where it asks so.

    `model` takes images, or what a cut hands over. It may be trained again and again: `fit` begins with the
    optimizer's first state, while the model's weights are the caller's to set back. along: what is trained
    along with it, from its own first weights each time. penalties: in the loss while it trains.
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
        changes = cell.training.augmentation
        if changes and not changes.views:
            self._trained = augmented(self._trained, changes, cell.seed)
        if self._trained is not model:
            model.compile(optimizer=None, jit_compile=jit)
        compile_to_train(self._trained, cell, jit, ema, multiples, along)
        changed = cell.training.soft_labels or cell.training.rand_augment
        self._change = BatchChange(cell.training, model.output_shape[-1]) if changed else None
        self._optimizer = self._trained.optimizer
        self._first = [keras.ops.convert_to_numpy(one.value) for one in self._optimizer.variables]

    @property
    def slots(self) -> list[keras.Variable]:
        """The variables that the optimizer itself needs."""
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
        """Train as `cell` and `phase` say; the validation set is looked at after each epoch, never the test set.

        start: what validation says of the weights the model has now, which the phase may keep. done: epochs of the same
        training before this phase, after which orders of batches, views and random changes go on. Raises DivergedError
        after the first epoch whose loss is not finite.
        """
        asked = cell.training
        steps = phase.epochs * math.ceil(len(train[1]) / asked.batch_size)
        schedule = Schedule(phase.learning_rate, steps, phase.warmup, phase.schedule)
        gather = self._set_back(cell.seed, schedule.at(0), done)
        classes = max(2, self.model.output_shape[-1])  # one sigmoid unit stands for two
        weights = balanced_weights(train[1], classes) if asked.class_weight else None
        loss = partial(cross_entropy, class_weights=weights)

        def look() -> Predicted:
            return predict(self.model, *validation, asked.batch_size)

        watch = _Watch(phase, look, loss, on_epoch)
        best = Best(self.model, asked.monitor, start if phase.keep_start else None, phase.soup or 1)
        first = self.model.get_weights() if phase.shares else ()
        rates = [_Rates(schedule)] if (phase.warmup, phase.schedule) != FLAT else []
        noise = [_Noise(cell.seed, done)] if keras.backend.backend() == "torch" else []
        looking = [watch, best] if phase.keep_best or phase.soup else [watch]
        if phase.ema:
            averages = Averages(self._trained, gather)
            looking = [averages.show, *looking, averages.hide]
        stopping, asked_for = _callbacks(asked, restores=not (phase.keep_best or phase.shares))
        batches = Batches(
            *train,
            batch_size=asked.batch_size,
            seed=cell.seed,
            change=self._change,
            class_weights=weights,
            along=self.along.targets if self.along else None,
            first=done,
        )
        callbacks = [*noise, *rates, *looking, *asked_for]
        with in_the_loss(self._penalties):  # the first `fit` traces it; `batches` draw their own order
            self._trained.fit(batches, epochs=phase.epochs, shuffle=False, callbacks=callbacks, verbose=0)
        kept, step = len(watch.history) - 1, statistics.median(watch.steps) if watch.steps else None
        cost = watch.usage.since(NONE, len(watch.steps)) if watch.steps else None
        if phase.soup or phase.shares:
            tried, chosen = Sums(self.model, look, loss, asked.monitor).settle(phase, first, best)
            return Fitted(tuple(watch.history), kept, step, cost, tried, chosen)
        if phase.keep_best:
            kept = best.restore()
        elif stopping is not None and stopping.restore_best_weights:
            kept = stopping.best_epoch
        return Fitted(tuple(watch.history), kept, step, cost)

    def _set_back(self, seed: int, rate: float, done: int) -> Callable[[], None]:
        """The optimizer's first state, the first weights of what is trained along, noise of `seed` after `done` epochs.

        Returns what takes the optimizer's copies of the weights again, if it holds any.
        """
        for variable, first in zip(self._optimizer.variables, self._first, strict=True):
            variable.assign(first)
        self._optimizer.learning_rate = rate
        if self.along:
            self.along.restore(seed)
        gather: Callable[[], None] = getattr(self._optimizer, "gather", _nothing)
        gather()
        seed_noise(self._trained, seed, done)
        return gather


def _nothing() -> None:
    """An optimizer that holds no copy of the weights has none to take."""


class _Watch(keras.callbacks.Callback):  # type: ignore[misc]
    """Looks at the validation set after each epoch, keeps the history with wall times, and tells of each epoch.

    It comes before callbacks that decide by the validation set. `look` predicts it with the function that the test set
    is predicted with later: Keras' own validation would trace another one. loss: of what it predicts.
    """

    def __init__(
        self,
        phase: Phase,
        look: Callable[[], Predicted],
        loss: Callable[[Predicted], float],
        on_epoch: OnEpoch,
    ) -> None:
        super().__init__()
        self.history: list[Epoch] = []
        self._phase, self._look, self._loss, self._on_epoch = phase, look, loss, on_epoch
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
        # Of several heads, Keras puts the name of the head before it.
        accuracy = next(float(value) for name, value in logs.items() if name.endswith("accuracy"))
        seen = self._look()
        logs |= {"val_loss": self._loss(seen), "val_accuracy": top_1(seen)}
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
    """Sets the rate of each step. Keras' own schedules cannot be set back for the next cell of a group."""

    def __init__(self, schedule: Schedule) -> None:
        super().__init__()
        self._schedule, self._done = schedule, 0

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.model.optimizer.learning_rate = self._schedule.at(self._done)
        self._done += 1


class _Noise(keras.callbacks.Callback):  # type: ignore[misc]
    """Lets the noise of each epoch follow from the seed and the epoch on torch too.

    Dropout draws from torch's own generator there, whatever its layer's is seeded with, as does Keras itself before the
    first step of a model.
    """

    def __init__(self, seed: int, done: int) -> None:
        super().__init__()
        self._seed, self._done = seed, done

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        own = np.random.SeedSequence((self._seed, self._done + epoch)).generate_state(1)[0]
        keras.utils.set_random_seed(int(own >> 1))


def _callbacks(
    train: Training, *, restores: bool
) -> tuple[keras.callbacks.EarlyStopping | None, Sequence[keras.callbacks.Callback]]:
    stopping, callbacks = None, []
    if train.early_stopping:
        asked = train.early_stopping
        stopping = keras.callbacks.EarlyStopping(
            monitor=asked.monitor,
            patience=asked.patience,
            min_delta=asked.min_delta,
            restore_best_weights=asked.restore_best and restores,
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
