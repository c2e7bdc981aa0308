"""The category relationship of co-tuning: how images of each new class are classified by the original classifier.

K. You, Z. Kou, M. Long and J. Wang, "Co-Tuning for Transfer Learning" (NeurIPS 2020), the direct approach: the mean of
calibrated predictions. They calibrate on images of the source classes. Without such images, tlbench chooses the factor
of the logits with which the predictions are most informative about the new classes.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tlbench.training.solvers.arrays import Float, log_softmax, one_thread, row_blocks
from tlbench.training.solvers.base import Examples, check
from tlbench.training.solvers.temperature import best_factor

SMALLEST = 1e-12


@dataclass(frozen=True)
class Relation:
    """The probabilities p(source class | class), of shape (C, S), and the factor of the logits that gave them."""

    table: NDArray[np.float32]
    factor: float


def relate(train: Examples, validation: Examples, classes: int) -> Relation:
    """The mean source probabilities of the training images of each class, calibrated on `validation`.

    Args:
        train: the training split; its features are the logits (N, S) of the pretrained classifier.
        validation: the validation split, likewise.
        classes: the number of classes.

    Raises:
        ValueError: logits are not finite, or a class has no training image; the message is for the user.
    """
    check(train, validation, classes)
    with one_thread():
        factor = best_factor(
            validation.features, lambda tried: surprise(table(train, classes, tried), train, validation, tried)
        )
        return Relation(table(train, classes, factor).astype(np.float32), factor)


def table(train: Examples, classes: int, factor: float) -> Float:
    """The mean of softmax(factor * logits) over the images of each class, of shape (C, S)."""
    sums = np.zeros((classes, train.features.shape[1]))
    for rows, logits in row_blocks(train.features):
        np.add.at(sums, train.labels[rows], np.exp(log_softmax(factor * logits)))
    return np.asarray(sums / np.bincount(train.labels, minlength=classes)[:, None])


def surprise(relation: Float, train: Examples, validation: Examples, factor: float) -> float:
    """The mean cross-entropy of the classes y of `validation`, inferred from source predictions s by Bayes' rule.

    p(y | x) = sum over s of p(s | x) p(y | s), where p(y | s) is proportional to p(s | y) p(y), with p(y) the share of
    y in the training split.
    """
    joint = relation * np.bincount(train.labels, minlength=len(relation))[:, None]
    of_source = joint / np.maximum(joint.sum(axis=0), SMALLEST)
    total = 0.0
    for rows, logits in row_blocks(validation.features):
        labels = validation.labels[rows]
        inferred = np.exp(log_softmax(factor * logits)) @ of_source.T
        total -= np.log(np.maximum(inferred[np.arange(len(labels)), labels], SMALLEST)).sum()
    return float(total / len(validation))
