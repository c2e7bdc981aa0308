"""Random changes of training images, as Keras layers in front of the model while it trains."""

import math

import keras

from tlbench.suite.cell import Augmentation


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
