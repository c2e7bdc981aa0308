"""Feed a training of a small head such that TensorFlow takes the steps of an epoch in one call.

A step of a head on pooled features is so short that Keras' call of it, with a batch made in Python, takes as long
again. With all steps of an epoch in one call (``steps_per_execution``) and batches sliced by tf.data, CPU time is half
of that or less, and the weights are the same bit for bit (docs/performance.md).
"""

from collections.abc import Iterator
from typing import Any

import keras

from tlbench.strategies.base import Phase
from tlbench.training.batches import Batches

FEWEST = 100
"""Number of steps of a training from which on it pays: tracing the loop takes as long as some 60 steps save."""
CHUNK = 2048
"""Largest number of images whose features are copied from the memory-mapped array at a time, if a batch is smaller."""


def takes_vectors(model: keras.Model) -> bool:
    """Whether a model has one input, of one vector for each image."""
    return len(model.inputs) == 1 and len(model.inputs[0].shape) == 2


def pays(batches: Batches, phase: Phase) -> bool:
    """Whether a phase is long enough, with a learning rate that no step has to set."""
    return phase.epochs * len(batches) >= FEWEST and phase.has_one_rate


def whole_epochs(batches: Batches) -> Any:
    """The batches of all epochs one after the other, as a ``tf.data.Dataset`` without end, in the order of `batches`.

    Args:
        batches: batches that nothing changes (`Batches.joined`). They are at an epoch before the first one, like those
            that are given to ``Model.fit``, which asks for the next epoch before it begins.
    """
    import tensorflow as tf

    together = max(1, CHUNK // batches.batch_size)

    def chunks() -> Iterator[tuple[object, ...]]:
        while True:
            batches.on_epoch_end()
            for first in range(0, len(batches), together):
                yield batches.joined(first, together)

    def cut(*arrays: Any) -> Any:
        size = batches.batch_size
        starts = tf.data.Dataset.range(0, tf.shape(arrays[0], tf.int64)[0], size)
        return starts.map(lambda start: tuple(array[start : start + size] for array in arrays))

    each = [tf.TensorSpec((None, *array.shape[1:]), array.dtype) for array in batches.joined(0, 1)]
    options = tf.data.Options()
    options.autotune.enabled = False
    return tf.data.Dataset.from_generator(chunks, output_signature=tuple(each)).flat_map(cut).with_options(options)
