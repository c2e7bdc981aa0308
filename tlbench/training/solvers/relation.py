"""What classes of the original classifier an image of a new class is taken for: Co-Tuning's category relationship.

K. You, Z. Kou, M. Long and J. Wang, "Co-Tuning for Transfer Learning" (NeurIPS 2020), the direct approach: the mean of
calibrated predictions. Theirs are calibrated on images of the source classes; without such, the factor is taken here
with which the predictions say most of the new classes.
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
    """p(source class | class) (C, S), float32, rows that add up to 1; the factor of the logits that it rests on."""

    table: NDArray[np.float32]
    factor: float


def relate(train: Examples, validation: Examples, classes: int) -> Relation:
    """The mean source probabilities of the training images of each class, calibrated on `validation`.

    Features are the source logits (N, S) of the pretrained classifier. Raises ValueError, with one sentence for the
    user, for numbers that are not finite and for a class without a training image.
    """
    check(train, validation, classes)
    with one_thread():
        factor = best_factor(
            validation.features, lambda tried: surprise(table(train, classes, tried), train, validation, tried)
        )
        return Relation(table(train, classes, factor).astype(np.float32), factor)


def table(train: Examples, classes: int, factor: float) -> Float:
    """The mean of softmax(factor x logits) over the images of each class (C, S)."""
    sums = np.zeros((classes, train.features.shape[1]))
    for rows, logits in row_blocks(train.features):
        np.add.at(sums, train.labels[rows], np.exp(log_softmax(factor * logits)))
    return np.asarray(sums / np.bincount(train.labels, minlength=classes)[:, None])


def surprise(relation: Float, train: Examples, validation: Examples, factor: float) -> float:
    """Mean cross-entropy of the classes of `validation`, as its source predictions s and Bayes' rule tell them.

    p(y | x) = sum over s of p(s | x) p(y | s), with p(y | s) proportional to p(s | y) and the share of y in training.
    """
    joint = relation * np.bincount(train.labels, minlength=len(relation))[:, None]
    of_source = joint / np.maximum(joint.sum(axis=0), SMALLEST)
    total = 0.0
    for rows, logits in row_blocks(validation.features):
        labels = validation.labels[rows]
        told = np.exp(log_softmax(factor * logits)) @ of_source.T
        total -= np.log(np.maximum(told[np.arange(len(labels)), labels], SMALLEST)).sum()
    return float(total / len(validation))
