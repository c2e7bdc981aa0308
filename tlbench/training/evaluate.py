"""Predictions on the test set, and what they say. Only `predict` needs Keras; the rest is arithmetic."""

from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray

from tlbench.results.record import Accuracy, Epoch
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
    """Top-1 with its Wilson 95 % interval, cross-entropy and recall per class, of the test set.

    `validation` is the epoch whose weights the model has.
    """
    right = probabilities.argmax(axis=1) == labels
    correct, images = int(right.sum()), len(labels)
    low, high = wilson(correct, images)
    chosen = probabilities[np.arange(images), labels].astype(np.float64)
    return Accuracy(
        top1=correct / images,
        correct=correct,
        images=images,
        low=low,
        high=high,
        loss=float(-np.log(np.clip(chosen, SMALLEST, 1.0)).mean()),
        per_class={name: float(right[labels == index].mean()) for index, name in enumerate(classes)},
        validation_top1=validation.val_accuracy,
        validation_loss=validation.val_loss,
    )
