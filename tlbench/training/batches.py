"""Batches straight from memory-mapped arrays: nothing is loaded that is not about to be used."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import keras
import numpy as np
from numpy.typing import NDArray

ModelInputs = Sequence[NDArray[np.generic]]
"""One array for each input of the model, the number of images first."""

OfEpoch = Callable[[int], ModelInputs]
"""The inputs of an epoch (from 0), where epochs see different views of the images."""

Arrays = tuple[ModelInputs, NDArray[np.int32]]
"""A split: inputs and labels (N,)."""

ToTrain = tuple[ModelInputs | OfEpoch, NDArray[np.int32]]
"""What is trained on: inputs, or those of each epoch, and labels (N,)."""


Change = Callable[
    [NDArray[np.generic], NDArray[np.int32], np.random.Generator], tuple[NDArray[np.generic], NDArray[np.generic]]
]
"""Makes other images and labels of the first input of a batch and its labels."""


class Sliced(Protocol):
    """An array, or something that makes one of each slice; images first."""

    def __len__(self) -> int: ...

    def __getitem__(self, chosen: slice, /) -> NDArray[np.generic]: ...


def in_order(inputs: Sequence[Sliced], batch_size: int) -> Iterator[tuple[object, int]]:
    """Batches in the order of the images, as a model takes them, each with the number of images that count.

    The last one is filled up with repeated images: a batch of another size would be traced anew.
    """
    for start in range(0, len(inputs[0]), batch_size):
        taken = [one[start : start + batch_size] for one in inputs]
        count = len(taken[0])
        if count < batch_size:
            taken = [np.resize(one, (batch_size, *one.shape[1:])) for one in taken]
        yield as_model_input(taken), count


def fewest_repeated(counts: Sequence[int], most: int) -> int:
    """The batch size for `in_order` over arrays of `counts` images, one traced model for all of them.

    `most`, unless another from its half on leaves out more than a tenth of the images that are run then.
    """
    small = min(most, max(counts))
    run = {size: sum(-(-count // size) * size for count in counts) for size in range(max(1, small // 2), small + 1)}
    best = min(run, key=lambda size: (run[size], -size))
    return best if run[best] < 0.9 * sum(-(-count // most) * most for count in counts) else most


def as_model_input(arrays: ModelInputs) -> object:
    """The one array, or a tuple of them: a model with one input takes no tuple."""
    return tuple(arrays) if len(arrays) > 1 else arrays[0]


class Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """A split in batches; in a new seeded order each epoch if `seed` is given.

    The order depends on the seed and the epoch alone, so that equal seeds see equal batches whatever
    else draws random numbers; so does what `change` makes of a batch. class_weights: of the loss of an image of each
    class (C,). along: makes the labels of further outputs of the labels. first: the number of its first epoch, from 0.
    """

    def __init__(
        self,
        inputs: ModelInputs | OfEpoch,
        labels: NDArray[np.int32],
        batch_size: int,
        seed: int | None = None,
        change: Change | None = None,
        class_weights: NDArray[np.float32] | None = None,
        along: Callable[[NDArray[np.generic]], tuple[NDArray[np.generic], ...]] | None = None,
        first: int = 0,
    ) -> None:
        super().__init__(workers=1, use_multiprocessing=False)
        self._of_epoch: OfEpoch = inputs if callable(inputs) else lambda epoch: inputs
        self._labels, self._batch_size, self._seed, self._change = labels, batch_size, seed, change
        self._class_weights, self._along = class_weights, along
        self._epoch = first
        self._inputs, self._order = self._of_epoch(first), self._draw()

    def __len__(self) -> int:
        return math.ceil(len(self._labels) / self._batch_size)

    def __getitem__(self, index: int) -> tuple[object, ...]:
        chosen = self._order[index * self._batch_size : (index + 1) * self._batch_size]
        inputs: list[NDArray[np.generic]] = [one[chosen] for one in self._inputs]
        labels: NDArray[np.generic] = self._labels[chosen]
        if self._change is not None:
            draw = np.random.default_rng((self._seed or 0, self._epoch, index + 1))
            inputs[0], labels = self._change(inputs[0], self._labels[chosen], draw)
        made: list[object] = [as_model_input(inputs), labels]
        if self._class_weights is not None:
            made.append(self._class_weights[self._labels[chosen]])
        if self._along is not None:
            each = (labels, *self._along(labels))
            made[1:] = each, *((one,) * len(each) for one in made[2:])
        return tuple(made)

    def on_epoch_end(self) -> None:
        """Draw the next epoch's order, and take its view (called by Keras after each epoch)."""
        self._epoch += 1
        self._inputs, self._order = self._of_epoch(self._epoch), self._draw()

    def _draw(self) -> NDArray[np.int64]:
        count = len(self._labels)
        if self._seed is None:
            return np.arange(count)
        return np.random.default_rng((self._seed, self._epoch)).permutation(count)
