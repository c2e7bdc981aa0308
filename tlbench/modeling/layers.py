"""Find the layers of a model at any depth, and control the random numbers that some of them draw."""

import keras
import numpy as np

from tlbench.modeling import keras_private


def leaves(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    """The layers inside of a model or a composite layer, at any depth; or the layer itself if it has none.

    A composite layer with weights of its own is included, before its sublayers.
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
    """Whether a layer normalizes activations, with a trainable scale and offset."""
    return isinstance(layer, NORMALIZATION)


def draws_random_numbers(layer: keras.layers.Layer) -> bool:
    """Whether a layer (not a nested model) is random in training."""
    name = rate_name(layer)
    return keras_private.has_generators(layer) and (name is None or getattr(layer, name) > 0)


def rate_name(layer: keras.layers.Layer) -> str | None:
    """The attribute that sets the strength of a layer's noise, where 0 turns it off; None if there is none.

    For keras-hub's stochastic depth it is ``drop_prob``.
    """
    return next((name for name in ("drop_prob", "rate", "stddev") if hasattr(layer, name)), None)


def seed_noise(model: keras.Model, seed: int, done: int = 0) -> None:
    """Seed each layer that is random in training, so that its random numbers depend on the arguments alone.

    Otherwise they would depend on everything that has drawn random numbers in the process before.

    Args:
        model: the model.
        seed: the seed of the training.
        done: the number of epochs in earlier phases of the training.
    """
    drawing = [leaf for leaf in leaves(model) if draws_random_numbers(leaf)]
    for number, leaf in enumerate(drawing):
        own = int(np.random.SeedSequence((seed, number, done)).generate_state(1)[0] >> 1)
        keras_private.seed_generators(leaf, own)
