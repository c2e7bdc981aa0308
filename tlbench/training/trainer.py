"""Train a model by gradient steps, and reset it to train another cell of the same structure."""

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import keras

from tlbench.core.cell import Cell
from tlbench.modeling.layers import seed_noise
from tlbench.results.measured import Usage
from tlbench.results.trained import Epoch, Setting
from tlbench.strategies.base import Phase
from tlbench.training.augment import augmented
from tlbench.training.batches import Arrays, Batches, ToTrain
from tlbench.training.best import Averages, Best, Sums
from tlbench.training.callbacks import NONE, Noise, OnEpoch, Rates, Watch, callbacks_of
from tlbench.training.compiling import compile_to_train, spares
from tlbench.training.dense_head import dense_head
from tlbench.training.evaluate import Predicted, balanced_weights, cross_entropy, predict
from tlbench.training.mixing import BatchChange
from tlbench.training.pull import Penalties, in_the_loss
from tlbench.training.schedule import Schedule
from tlbench.training.second_head import Along


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
        numpy: whether NumPy took the steps.
    """

    history: tuple[Epoch, ...]
    kept: int
    step: float | None
    usage: Usage | None = None
    tried: tuple[Setting, ...] = ()
    chosen: int | None = None
    numpy: bool = False


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
        plain = self._trained is model and self._change is None and not (multiples or penalties)
        self._dense = dense_head(model, spares(cell.training)) if plain and not jit else None
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

        watch = Watch(phase, evaluate, loss, on_epoch)
        best = Best(self.model, settings.monitor, start if phase.keep_start else None, phase.soup or 1)
        initial = self.model.get_weights() if phase.shares else ()
        stopping, from_settings = callbacks_of(settings, restores=not (phase.keep_best or phase.shares))
        batches = Batches(
            *train,
            batch_size=settings.batch_size,
            seed=cell.seed,
            change=self._change,
            class_weights=weights,
            along=self.along.targets if self.along else None,
            first=done,
            last=done + phase.epochs,  # Keras asks for the next epoch once before the first one
        )
        noise = [Noise(cell.seed, done)] if keras.backend.backend() == "torch" else []
        rates = [] if phase.has_one_rate else [Rates(schedule)]
        callbacks = [*noise, *rates, *self._validation(phase, watch, best, gather), *from_settings]
        if self._dense is not None:
            self._dense.fit(batches, phase.epochs, callbacks)
        else:
            with in_the_loss(self._penalties):  # the penalties are traced with the first step
                # No shuffling by Keras: `batches` have an order of their own.
                self._trained.fit(batches, epochs=phase.epochs, shuffle=False, callbacks=callbacks, verbose=0)

        history = tuple(watch.history)
        step = statistics.median(watch.steps) if watch.steps else None
        cost = watch.usage.since(NONE, watch.count) if watch.steps else None
        numpy = self._dense is not None
        if phase.soup or phase.shares:
            tried, chosen = Sums(self.model, evaluate, loss, settings.monitor).settle(phase, initial, best)
            return Fitted(history, len(history) - 1, step, cost, tried, chosen, numpy)
        if phase.keep_best:
            kept = best.restore()
        elif stopping is not None and stopping.restore_best_weights:
            kept = stopping.best_epoch
        else:
            kept = len(history) - 1
        return Fitted(history, kept, step, cost, numpy=numpy)

    def _validation(
        self, phase: Phase, watch: Watch, best: Best, gather: Callable[[], None]
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
