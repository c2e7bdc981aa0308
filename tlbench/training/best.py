"""Choose the weights that a training ends with: the best epoch's, averages, or interpolations."""

import math
from collections.abc import Callable
from typing import Any

import keras

from tlbench.results.trained import Epoch, Setting
from tlbench.strategies.base import Phase
from tlbench.training.evaluate import Predicted, top_1
from tlbench.training.weight_space import Weights, greedy_soup, interpolated


def score_of(monitor: str, val_loss: float, val_accuracy: float) -> float:
    """A score by the metric `monitor`; lower is better."""
    return -val_accuracy if monitor == "val_accuracy" else val_loss


class Best(keras.callbacks.Callback):  # type: ignore[misc]
    """Keeps the weights of the best epochs, and of the start of the training if that is as good.

    Args:
        of: the model.
        monitor: the validation metric to compare epochs by.
        start: the validation metrics of the initial weights; None: they do not compete.
        most: how many epochs to keep.
    """

    def __init__(self, of: keras.Model, monitor: str, start: Epoch | None, most: int = 1) -> None:
        super().__init__()
        self._of, self.monitor, self._most = of, monitor, most
        self.kept: list[tuple[float, int, Weights]] = []
        """The score, the epoch from 0 (-1 for the start), and the weights; the best one first."""
        if start is not None:
            self._consider(-1, start.val_loss, start.val_accuracy)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Consider the epoch's weights. Called by Keras."""
        assert logs is not None
        self._consider(epoch, logs["val_loss"], logs["val_accuracy"])

    def restore(self) -> int:
        """Set the model to the best weights. Returns their epoch, from 0, or -1 for the start.

        If there are none, because the loss was never a number, the model stays as it is.
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
    """Two callbacks, `show` and `hide`: between them, at the end of an epoch, the model has its averaged weights."""

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
    """Sets a model to the combination of weights that is best on the validation split.

    Args:
        model: the model.
        evaluate: predicts the validation split.
        loss: the loss of these predictions.
        monitor: the validation metric to compare combinations by.
    """

    def __init__(
        self, model: keras.Model, evaluate: Callable[[], Predicted], loss: Callable[[Predicted], float], monitor: str
    ) -> None:
        self._model, self._evaluate, self._loss, self._monitor = model, evaluate, loss, monitor
        self._metrics: list[tuple[float, float]] = []

    def settle(self, phase: Phase, start: Weights, best: Best) -> tuple[tuple[Setting, ...], int]:
        """Combine weights as `phase` asks: a soup of the best epochs, or an interpolation from `start` to the present.

        Returns:
            The combinations that were tried, and the index of the one that the model has now.
        """
        if phase.soup:
            found = greedy_soup([weights for _, _, weights in best.kept], self._score)
        else:
            found = interpolated(start, self._model.get_weights(), phase.shares, self._score)
        self._model.set_weights(found.weights)
        tried = tuple(
            Setting(setting=setting, loss=None, accuracy=None, val_loss=loss, val_accuracy=accuracy)
            for setting, (loss, accuracy) in zip(found.settings, self._metrics, strict=True)
        )
        return tried, found.chosen

    def _score(self, weights: Weights) -> float:
        self._model.set_weights(weights)
        predicted = self._evaluate()
        self._metrics.append((self._loss(predicted), top_1(predicted)))
        return score_of(self._monitor, *self._metrics[-1])
