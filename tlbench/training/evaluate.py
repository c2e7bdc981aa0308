"""Predictions on the test set, and what they say. Only predicting needs Keras; the rest is arithmetic."""

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray

from tlbench.backbones import registry as backbones
from tlbench.core.cell import Cell
from tlbench.datasets.imagenet import ImageNet, read_crop
from tlbench.host.resources import usable_cores
from tlbench.results.record import Accuracy, Epoch
from tlbench.statistics.classification import confusion, expected_calibration_error, macro_f1, top_k
from tlbench.statistics.intervals import wilson
from tlbench.training.batches import Inputs, in_order

SMALLEST = 1e-7  # Keras' own clip (keras.config.epsilon) before the logarithm
IMAGENET_BATCH = 32
LARGEST_MATRIX = 100
"""Classes up to which a record keeps the confusion matrix; predictions are kept beside it in any case."""


@dataclass(frozen=True)
class Predicted:
    """Class probabilities (N, classes), float32, and true labels (N,), int32."""

    probabilities: NDArray[np.float32]
    labels: NDArray[np.int32]


def predict(model: keras.Model, inputs: Inputs, labels: NDArray[np.int32], batch_size: int) -> Predicted:
    """Predict all images, from `inputs`; a single sigmoid unit p becomes the columns 1-p and p."""
    outputs = [np.asarray(model.predict_on_batch(x), np.float32)[:count] for x, count in in_order(inputs, batch_size)]
    probabilities = np.concatenate(outputs)
    if probabilities.shape[1] == 1:
        probabilities = np.concatenate([1 - probabilities, probabilities], axis=1)
    return Predicted(probabilities, labels)


def predict_imagenet(model: keras.Model, data: ImageNet, cell: Cell) -> Predicted:
    """Predict ImageNet's validation images with the crop of the backbone's family, decoded as they are needed."""
    share, found = backbones.get(cell.backbone.name).crop, []
    with ThreadPoolExecutor(usable_cores()) as pool:
        for index in range(math.ceil(len(data.files) / IMAGENET_BATCH)):
            chosen = data.files[index * IMAGENET_BATCH : (index + 1) * IMAGENET_BATCH]
            images = pool.map(lambda file: read_crop(data.folder / file[0], cell.image_size, share), chosen)
            found.append(np.asarray(model.predict_on_batch(np.stack(list(images))), dtype=np.float32))
    return Predicted(np.concatenate(found), np.array([label for _, label in data.files], dtype=np.int32))


def cross_entropy(predicted: Predicted) -> float:
    """Mean negative logarithm of the true class's probability."""
    chosen = predicted.probabilities[np.arange(len(predicted.labels)), predicted.labels].astype(np.float64)
    return float(-np.log(np.clip(chosen, SMALLEST, 1.0)).mean())


def top_1(predicted: Predicted) -> float:
    """Share of images whose most probable class is the true one."""
    return float((predicted.probabilities.argmax(1) == predicted.labels).mean())


def accuracy(predicted: Predicted, classes: tuple[str, ...], validation: Epoch | None) -> Accuracy:
    """What the predictions on the test set say.

    `validation` is the epoch whose weights the model has; None where nothing was trained.
    """
    probabilities, labels = predicted.probabilities, predicted.labels
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
