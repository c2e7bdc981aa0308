"""Predictions on the test set, and what they say. Only `predict` needs Keras; the rest is arithmetic."""

from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray

from tlbench.results.record import Accuracy, Epoch
from tlbench.statistics.classification import confusion, expected_calibration_error, macro_f1, top_k
from tlbench.statistics.intervals import wilson
from tlbench.training.batches import Batches
from tlbench.training.first_step import FirstStep

SMALLEST = 1e-7  # Keras' own clip (keras.config.epsilon) before the logarithm


@dataclass(frozen=True)
class Predicted:
    """Class probabilities (N, classes), float32, and the seconds of the first inference step (trace included)."""

    probabilities: NDArray[np.float32]
    first_step: float


def predict(model: keras.Model, images: NDArray[np.uint8], labels: NDArray[np.int32], batch_size: int) -> Predicted:
    """Predict all images; a single sigmoid unit p becomes the columns 1-p and p."""
    first = FirstStep()
    outputs = model.predict(Batches(images, labels, batch_size), callbacks=[first], verbose=0)
    probabilities = np.asarray(outputs, dtype=np.float32)
    if probabilities.shape[1] == 1:
        probabilities = np.concatenate([1 - probabilities, probabilities], axis=1)
    return Predicted(probabilities, first.seconds)


def accuracy(
    probabilities: NDArray[np.float32], labels: NDArray[np.int32], classes: tuple[str, ...], validation: Epoch
) -> Accuracy:
    """What the predictions on the test set (N, classes) say.

    `validation` is the epoch whose weights the model has.
    """
    matrix = confusion(probabilities, labels)
    correct, images = int(matrix.trace()), len(labels)
    low, high = wilson(correct, images)
    chosen = probabilities[np.arange(images), labels].astype(np.float64)
    return Accuracy(
        top1=correct / images,
        correct=correct,
        images=images,
        low=low,
        high=high,
        loss=float(-np.log(np.clip(chosen, SMALLEST, 1.0)).mean()),
        top5=top_k(probabilities, labels, 5) if len(classes) > 5 else None,
        macro_f1=macro_f1(matrix),
        calibration_error=expected_calibration_error(probabilities, labels),
        per_class={
            name: float(row[index] / row.sum()) for index, (name, row) in enumerate(zip(classes, matrix, strict=True))
        },
        confusion=tuple(tuple(int(count) for count in row) for row in matrix),
        validation_top1=validation.val_accuracy,
        validation_loss=validation.val_loss,
    )
