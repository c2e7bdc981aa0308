"""The layers inside a model, at any depth, and the random numbers some of them draw in training."""

import keras
import numpy as np

from tlbench.modeling import keras_private


def leaves(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    """The layer itself, or the layers of a nested model, or of a layer that is made of others, at any depth.

    One that has weights beside those of its layers comes before them.
    """
    if isinstance(layer, keras.Model):
        return [leaf for inner in layer.layers for leaf in leaves(inner)]
    inside = [leaf for inner in keras_private.sublayers(layer) for leaf in leaves(inner)]
    of_others = {id(weight) for leaf in inside for weight in leaf.weights}
    own = not inside or any(id(weight) not in of_others for weight in layer.weights)
    return [layer, *inside] if own else inside


NORMALIZATION = (
    keras.layers.BatchNormalization,
    keras.layers.GroupNormalization,
    keras.layers.LayerNormalization,
    keras.layers.RMSNormalization,
)


def is_normalization(layer: keras.layers.Layer) -> bool:
    """Whether a layer normalises activations, with a scale and an offset to be trained."""
    return isinstance(layer, NORMALIZATION)


def draws_random_numbers(layer: keras.layers.Layer) -> bool:
    """Whether a layer, not a nested model, gives different outputs for the same input in training."""
    name = rate_name(layer)
    return keras_private.has_generators(layer) and (name is None or getattr(layer, name) > 0)


def rate_name(layer: keras.layers.Layer) -> str | None:
    """The attribute of a layer that says how much it drops, or how loud its noise is, which is then 0 for none at all.

    None where there is no such number. Of keras-hub's stochastic depth it is ``drop_prob``.
    """
    return next((name for name in ("drop_prob", "rate", "stddev") if hasattr(layer, name)), None)


def seed_noise(model: keras.Model, seed: int, done: int = 0) -> None:
    """Give each layer that draws random numbers in training a seed of its own that follows from `seed` and from `done`,
    how many epochs of the same training lie behind.

    As built, their seeds depend on what else has drawn numbers in the process; and training moves them on.
    """
    drawing = [leaf for leaf in leaves(model) if draws_random_numbers(leaf)]
    for number, leaf in enumerate(drawing):
        own = int(np.random.SeedSequence((seed, number, done)).generate_state(1)[0] >> 1)
        keras_private.seed_generators(leaf, own)
