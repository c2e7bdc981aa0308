"""Augmentation of training images: by Keras layers in front of the model, or by views drawn beforehand."""

import math
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray

from tlbench.core.training import Augmentation
from tlbench.training.batches import ModelInputs, in_order

VIEW_BATCH = 32
FIRST_SEED, APART = 10_000, 10
"""The first seed of views, away from those of cells, and the distance between the seeds of two views."""


@dataclass(frozen=True)
class View:
    """The augmented copy number `number` of every image, the same in every process and for every seed of a cell."""

    augmentation: Augmentation
    number: int

    def batches(self, images: NDArray[np.generic]) -> Iterator[tuple[NDArray[np.uint8], int]]:
        """Augmented images (batch, H, W, 3), rounded to integers, each batch with the number of images that count."""
        augmentation = layers(self.augmentation, FIRST_SEED + APART * self.number)
        for batch, count in in_order([images], VIEW_BATCH):
            changed = keras.ops.cast(batch, "float32")
            for layer in augmentation:
                changed = layer(changed, training=True)
            rounded = np.clip(np.rint(keras.ops.convert_to_numpy(changed)), 0, 255)
            yield rounded.astype(np.uint8), count


class Drawn:
    """Views of images, drawn into a temporary file for each epoch; for models that are trained without cached features.

    Args:
        augmentation: the augmentation.
        images: the images (N, H, W, 3), uint8.
    """

    def __init__(self, augmentation: Augmentation, images: NDArray[np.generic]) -> None:
        self._augmentation, self._images = augmentation, images

    def __call__(self, epoch: int) -> ModelInputs:
        """The augmented images (N, H, W, 3), uint8, of an epoch, counted from 0."""
        with tempfile.TemporaryFile() as file:
            for changed, count in view_of(self._augmentation, epoch).batches(self._images):
                file.write(changed[:count].tobytes())
            file.flush()
            return [np.memmap(file, np.uint8, "r", shape=self._images.shape)]


def view_of(augmentation: Augmentation, epoch: int) -> View:
    """The view of an epoch, counted from 0."""
    assert augmentation.views
    return View(augmentation, epoch % augmentation.views)


def augmented(model: keras.Model, augmentation: Augmentation, seed: int) -> keras.Model:
    """`model` behind layers that augment its images in training, and do nothing otherwise.

    The models share all weights. Images are (batch, H, W, 3) with values from 0 to 255; uncovered edges repeat the
    nearest pixel.
    """
    inputs = keras.Input(model.input_shape[1:], dtype="float32", name="augmented_images")
    outputs = inputs
    for layer in layers(augmentation, seed):
        outputs = layer(outputs)
    return keras.Model(inputs, model(outputs), name=f"augmented_{model.name}")


def layers(augmentation: Augmentation, seed: int) -> list[keras.layers.Layer]:
    """The layers that an augmentation needs, each with a seed of its own."""
    a, fill = augmentation, {"fill_mode": "nearest"}
    made: list[keras.layers.Layer] = []
    if a.flip:
        made.append(keras.layers.RandomFlip("horizontal", seed=seed))
    if a.rotation:
        made.append(keras.layers.RandomRotation(a.rotation / 360, seed=seed + 1, **fill))
    if a.shift:
        made.append(keras.layers.RandomTranslation(a.shift, a.shift, seed=seed + 2, **fill))
    if a.shear:
        # Keras draws from 0 to the factor and mirrors half of the images itself.
        made.append(keras.layers.RandomShear(x_factor=math.tan(math.radians(a.shear)), seed=seed + 3, **fill))
    if a.zoom:
        made.append(keras.layers.RandomZoom((-a.zoom, a.zoom), seed=seed + 4, **fill))
    return made
