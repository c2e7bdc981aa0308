"""Random changes of training images: Keras layers in front of the model while it trains, or views drawn beforehand."""

import math
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray

from tlbench.core.cell import Augmentation
from tlbench.training.batches import ModelInputs, in_order

VIEW_BATCH = 32
FIRST_SEED, APART = 10_000, 10
"""Seeds of views, away from those of cells."""


@dataclass(frozen=True)
class View:
    """Changed copy number `number` of every image: the same in every process, whatever the cell's seed."""

    augmentation: Augmentation
    number: int

    def batches(self, images: NDArray[np.generic]) -> Iterator[tuple[NDArray[np.uint8], int]]:
        """Changed images (batch, H, W, 3), rounded to whole values, each batch with the number of those that count."""
        changes = layers(self.augmentation, FIRST_SEED + APART * self.number)
        for batch, count in in_order([images], VIEW_BATCH):
            changed = keras.ops.cast(batch, "float32")
            for layer in changes:
                changed = layer(changed, training=True)
            rounded = np.clip(np.rint(keras.ops.convert_to_numpy(changed)), 0, 255)
            yield rounded.astype(np.uint8), count


class Drawn:
    """Views of images, drawn into a temporary file when an epoch asks for one; for models that are trained whole."""

    def __init__(self, augmentation: Augmentation, images: NDArray[np.generic]) -> None:
        self._augmentation, self._images = augmentation, images

    def __call__(self, epoch: int) -> ModelInputs:
        """The images (N, H, W, 3) uint8 as epoch number `epoch`, from 0, sees them."""
        with tempfile.TemporaryFile() as file:
            for changed, count in view_of(self._augmentation, epoch).batches(self._images):
                file.write(changed[:count].tobytes())
            file.flush()
            return [np.memmap(file, np.uint8, "r", shape=self._images.shape)]


def view_of(augmentation: Augmentation, epoch: int) -> View:
    """The view that an epoch, from 0, sees."""
    assert augmentation.views
    return View(augmentation, epoch % augmentation.views)


def augmented(model: keras.Model, augmentation: Augmentation, seed: int) -> keras.Model:
    """A model that changes its images at random when it trains, and is `model` itself otherwise.

    Both share all weights. Images are (batch, H, W, 3), 0..255. Edges are filled with the nearest pixel.
    """
    inputs = keras.Input(model.input_shape[1:], dtype="float32", name="augmented_images")
    outputs = inputs
    for layer in layers(augmentation, seed):
        outputs = layer(outputs)
    return keras.Model(inputs, model(outputs), name=f"augmented_{model.name}")


def layers(augmentation: Augmentation, seed: int) -> list[keras.layers.Layer]:
    """The layers for what `augmentation` asks, each with its own seed; none for what it leaves out."""
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
