"""Solve the classifier of a model on the features of its frozen backbone."""

from dataclasses import dataclass

import keras
import numpy as np

from tlbench.core.cell import Output
from tlbench.results.record import Epoch, Setting
from tlbench.training.batches import Arrays
from tlbench.training.solvers.base import DenseHead, Examples, PathPoint
from tlbench.training.solvers.linear import Linear
from tlbench.training.solvers.resampling import resample


@dataclass(frozen=True)
class SolvedHead:
    """What the solver tried, the index of what validation chose, and that as an epoch of the history, less its time."""

    tried: tuple[Setting, ...]
    chosen: int

    def epoch(self, seconds: float) -> Epoch:
        """Epoch 0: no step was taken."""
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


def solve_head(
    classifier: keras.layers.Dense, train: Arrays, validation: Arrays, classes: int, output: Output
) -> SolvedHead:
    """Give `classifier` the weights of the linear head that validation likes best.

    The one input of `train` and `validation` are features (N, D). Raises ValueError, with one sentence for the user,
    for features that are not finite and for a class without a training image.
    """
    solved = Linear().solve(_examples(train), _examples(validation), classes)
    assert isinstance(solved.head, DenseHead)
    head = solved.head.single_unit() if output == "sigmoid" else solved.head
    classifier.set_weights([head.kernel, head.bias])
    return SolvedHead(tuple(map(_setting, solved.path)), solved.chosen)


def accuracies_of_resamples(
    train: Arrays, validation: Arrays, test: Arrays, classes: int, setting: float
) -> tuple[float, ...]:
    """Test accuracies of the head at the chosen penalty, solved on resamples of the training images."""
    splits = (_examples(train), _examples(validation), _examples(test))
    return resample(Linear(), *splits, classes, setting).test


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
    )
