"""Which weights a training ends with: those of its best epochs, averages of its steps, or sums of both ends."""

import math
from collections.abc import Callable
from typing import Any

import keras

from tlbench.results.trained import Epoch, Setting
from tlbench.strategies.base import Phase
from tlbench.training.evaluate import Predicted, top_1
from tlbench.training.weight_space import Weights, greedy_soup, interpolated


def score_of(monitor: str, val_loss: float, val_accuracy: float) -> float:
    """What validation says by `monitor`; lower is better."""
    return -val_accuracy if monitor == "val_accuracy" else val_loss


class Best(keras.callbacks.Callback):  # type: ignore[misc]
    """Remembers the weights of the `most` best epochs by validation, those that training began with among them.

    start: what validation says of those; None where they are not to be kept.
    """

    def __init__(self, of: keras.Model, monitor: str, start: Epoch | None, most: int = 1) -> None:
        super().__init__()
        self._of, self.monitor, self._most = of, monitor, most
        self.kept: list[tuple[float, int, Weights]] = []
        """Score, epoch from 0 (-1 for the start), weights; the best one first."""
        if start is not None:
            self._consider(-1, start.val_loss, start.val_accuracy)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Called by Keras."""
        assert logs is not None
        self._consider(epoch, logs["val_loss"], logs["val_accuracy"])

    def restore(self) -> int:
        """Give the model the best weights; returns their epoch, from 0, or -1 for the start.

        Without a start, and with a loss that is no number from the first epoch on, the model stays as it is.
        """
        if not self.kept:
            return -1
        self._of.set_weights(self.kept[0][2])
        return self.kept[0][1]

    def _consider(self, epoch: int, val_loss: float, val_accuracy: float) -> None:
        score = score_of(self.monitor, val_loss, val_accuracy)
        worst = self.kept[-1][0] if len(self.kept) == self._most else math.inf
        if score < worst:
            self.kept = sorted([*self.kept, (score, epoch, self._of.get_weights())], key=lambda one: one[:2])
            del self.kept[self._most :]


class Averages:
    """Two callbacks: the model has its average weights between them at the end of an epoch, and its own after that."""

    def __init__(self, of: keras.Model, gather: Callable[[], None]) -> None:
        self._of, self._gather = of, gather
        self._own: Weights = ()
        self.show = keras.callbacks.LambdaCallback(on_epoch_end=self._show)
        self.hide = keras.callbacks.LambdaCallback(on_epoch_end=self._hide)

    def _show(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._own = self._of.get_weights()
        self._of.optimizer.finalize_variable_values(self._of.trainable_variables)

    def _hide(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._of.set_weights(self._own)
        self._gather()


class Sums:
    """Gives a model the sum of weights that validation likes best; `tried` is what it said of each sum in turn."""

    def __init__(
        self, model: keras.Model, look: Callable[[], Predicted], loss: Callable[[Predicted], float], monitor: str
    ) -> None:
        self._model, self._look, self._loss, self._monitor = model, look, loss, monitor
        self._seen: list[tuple[float, float]] = []

    def settle(self, phase: Phase, start: Weights, best: Best) -> tuple[tuple[Setting, ...], int]:
        """As `phase` asks: a soup of the best epochs, or a point between `start` and the weights the model has now.

        Returns what was tried, and the index of what the model has then.
        """
        if phase.soup:
            found = greedy_soup([weights for _, _, weights in best.kept], self._score)
        else:
            found = interpolated(start, self._model.get_weights(), phase.shares, self._score)
        self._model.set_weights(found.weights)
        tried = tuple(
            Setting(setting=setting, loss=None, accuracy=None, val_loss=loss, val_accuracy=accuracy)
            for setting, (loss, accuracy) in zip(found.settings, self._seen, strict=True)
        )
        return tried, found.chosen

    def _score(self, weights: Weights) -> float:
        self._model.set_weights(weights)
        predicted = self._look()
        self._seen.append((self._loss(predicted), top_1(predicted)))
        return score_of(self._monitor, *self._seen[-1])
