"""Solve a head on the features of a frozen backbone."""

from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray

from tlbench.core.cell import Output
from tlbench.results.trained import Epoch, Setting
from tlbench.training.batches import Arrays
from tlbench.training.solvers.base import DenseHead, Examples, Head, HeadSolver, PathPoint
from tlbench.training.solvers.linear import Linear
from tlbench.training.solvers.resampling import resample, resample_anew


@dataclass(frozen=True)
class SolvedHead:
    """A solved head.

    Attributes:
        tried: the settings that were tried, with their metrics.
        chosen: the index of the best one on the validation split.
        weights: kernel and bias of the head as a Dense layer; None if it is no such layer.
        search: the head itself, if it is no Dense layer and thus not part of a model.
    """

    tried: tuple[Setting, ...]
    chosen: int
    weights: tuple[NDArray[np.float32], NDArray[np.float32]] | None
    search: Head | None

    def give(self, last: keras.layers.Layer) -> None:
        """Copy the weights to `last`, the model's Dense layer, if the head is one."""
        if self.weights is not None:
            last.set_weights(self.weights)

    def epoch(self, seconds: float) -> Epoch:
        """The head as epoch 0 of the history, after `seconds` of solving."""
        best = self.tried[self.chosen]
        return Epoch(
            epoch=0,
            loss=float("nan") if best.loss is None else best.loss,
            accuracy=float("nan") if best.accuracy is None else best.accuracy,
            val_loss=best.val_loss,
            val_accuracy=best.val_accuracy,
            learning_rate=0.0,
            seconds=seconds,
            phase="head",
        )


def solve_head(solver: HeadSolver, train: Arrays, validation: Arrays, classes: int, output: Output) -> SolvedHead:
    """Solve the head, with the setting that is best on the validation split.

    Args:
        solver: the solver.
        train: the training split, whose only input are features (N, D).
        validation: the validation split, likewise.
        classes: the number of classes.
        output: the activation of the head.

    Raises:
        ValueError: features are not finite, or a class has no training image; the message is for the user.
    """
    solved = solver.solve(_examples(train), _examples(validation), classes)
    tried = tuple(map(_setting, solved.path))
    if not isinstance(solved.head, DenseHead):
        return SolvedHead(tried, solved.chosen, None, solved.head)
    head = solved.head.single_unit() if output == "sigmoid" else solved.head
    return SolvedHead(tried, solved.chosen, (head.kernel, head.bias), None)


def accuracies_of_resamples(
    solver: HeadSolver, train: Arrays, validation: Arrays, test: Arrays, classes: int, setting: float
) -> tuple[float, ...]:
    """Test accuracies of heads with a given setting, each solved on a bootstrap resample of the training images."""
    splits = (_examples(train), _examples(validation), _examples(test))
    if isinstance(solver, Linear):
        return resample(solver, *splits, classes, setting)
    return resample_anew(solver, *splits, classes, setting)


def _examples(split: Arrays) -> Examples:
    (features,), labels = split
    return Examples(np.asarray(features, np.float32), labels)


def _setting(point: PathPoint) -> Setting:
    return Setting(
        setting=point.setting,
        loss=point.loss,
        accuracy=point.accuracy,
        val_loss=point.val_loss,
        val_accuracy=point.val_accuracy,
        converged=point.converged,
    )
