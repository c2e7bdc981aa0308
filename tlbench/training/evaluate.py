"""Predict a split, and compute losses and accuracies of predictions. Only `predict` and `outputs_of` run a model."""

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray

from tlbench.core.errors import UserError
from tlbench.results.record import Accuracy
from tlbench.results.trained import Epoch, Setting
from tlbench.statistics.classification import confusion, expected_calibration_error, macro_f1, top_k
from tlbench.statistics.intervals import wilson
from tlbench.training.batches import Sliced, in_order

SMALLEST = 1e-7
"""The smallest probability in a cross-entropy, as in Keras (keras.config.epsilon)."""
VECTORS = 256
"""The smallest batch of vectors that is predicted: fewer take no less time than the call."""
LARGEST_MATRIX = 100
"""The largest number of classes for which a record has the confusion matrix. Predictions are stored in any case."""


class DivergedError(UserError):
    """The loss or the predictions of a model are not finite, so there is nothing to measure."""


@dataclass(frozen=True)
class Predicted:
    """Class probabilities (N, classes), float32, and true labels (N,), int32."""

    probabilities: NDArray[np.float32]
    labels: NDArray[np.int32]


def predict(model: keras.Model, inputs: Sequence[Sliced], labels: NDArray[np.int32], batch_size: int) -> Predicted:
    """Predict the class probabilities of all images; see `of_each_class`."""
    return Predicted(of_each_class(outputs_of(model, inputs, batch_size)), labels)


def of_each_class(outputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Outputs (N, units) as probabilities (N, classes): a single sigmoid unit p becomes the columns 1-p and p."""
    return np.concatenate([1 - outputs, outputs], axis=1) if outputs.shape[1] == 1 else outputs


def outputs_of(model: keras.Model, inputs: Sequence[Sliced], batch_size: int) -> NDArray[np.float32]:
    """The outputs of a model for all images (N, units)."""
    batch_size = min(batch_size, 1 << (len(inputs[0]) - 1).bit_length())  # a power of 2, which splits share
    if all(isinstance(one, np.ndarray) and one.ndim == 2 for one in inputs):
        batch_size = max(batch_size, VECTORS)
    parts = [np.asarray(model.predict_on_batch(x), np.float32)[:count] for x, count in in_order(inputs, batch_size)]
    return np.concatenate(parts)


def balanced_weights(labels: NDArray[np.int32], classes: int) -> NDArray[np.float32]:
    """Weights (C,) with which all classes count the same, scaled to a mean of 1 over the images.

    G. King and L. Zeng, Logistic Regression in Rare Events Data, Political Analysis 9, 2001; scikit-learn's
    ``balanced``.
    """
    counts = np.bincount(labels, minlength=classes)
    return (len(labels) / (classes * np.maximum(counts, 1))).astype(np.float32)


def cross_entropy(predicted: Predicted, class_weights: NDArray[np.float32] | None = None) -> float:
    """The mean cross-entropy, weighted if there are `class_weights` (C,)."""
    chosen = predicted.probabilities[np.arange(len(predicted.labels)), predicted.labels].astype(np.float64)
    weights = None if class_weights is None else class_weights[predicted.labels].astype(np.float64)
    return float(np.average(-np.log(np.clip(chosen, SMALLEST, 1.0)), weights=weights))


def top_1(predicted: Predicted) -> float:
    """The share of images whose most probable class is the true one."""
    return float((predicted.probabilities.argmax(1) == predicted.labels).mean())


def accuracy(predicted: Predicted, classes: tuple[str, ...], validation: Epoch | Setting | None) -> Accuracy:
    """The accuracy and further metrics of predictions on the test split.

    Args:
        predicted: the predictions.
        classes: the names of the classes.
        validation: the validation metrics of the same weights; None where nothing was trained.

    Raises:
        DivergedError: predictions are not finite. All images would count as the first class then.
    """
    probabilities, labels = predicted.probabilities, predicted.labels
    if wrong := int((~np.isfinite(probabilities)).any(axis=1).sum()):
        raise DivergedError(f"the predictions of {wrong} of {len(labels)} test images are not finite")
    matrix = confusion(probabilities, labels)
    correct, images = int(matrix.trace()), len(labels)
    low, high = wilson(correct, images)
    return Accuracy(
        top1=correct / images,
        correct=correct,
        images=images,
        low=low,
        high=high,
        loss=cross_entropy(predicted),
        top5=top_k(probabilities, labels, 5) if len(classes) > 5 else None,
        macro_f1=macro_f1(matrix),
        calibration_error=expected_calibration_error(probabilities, labels),
        per_class={
            name: float(row[index] / row.sum())
            for index, (name, row) in enumerate(zip(classes, matrix, strict=True))
            if row.sum()
        },
        confusion=tuple(tuple(int(count) for count in row) for row in matrix) if len(classes) <= LARGEST_MATRIX else (),
        validation_top1=validation.val_accuracy if validation else None,
        validation_loss=validation.val_loss if validation else None,
    )
