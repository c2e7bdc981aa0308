"""Batches from memory-mapped arrays, of which only the rows of a batch are read at a time."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import keras
import numpy as np
from numpy.typing import NDArray

ModelInputs = Sequence[NDArray[np.generic]]
"""One array for each input of the model, with images along the first axis."""

OfEpoch = Callable[[int], ModelInputs]
"""The inputs of an epoch (from 0), where epochs see different views of the images."""

Arrays = tuple[ModelInputs, NDArray[np.int32]]
"""A split: inputs, and labels (N,)."""

ToTrain = tuple[ModelInputs | OfEpoch, NDArray[np.int32]]
"""A training split: inputs, perhaps different ones for each epoch, and labels (N,)."""


Change = Callable[
    [NDArray[np.generic], NDArray[np.int32], np.random.Generator], tuple[NDArray[np.generic], NDArray[np.generic]]
]
"""Changes a batch: takes its first input and its labels, and returns both."""


class Sliced(Protocol):
    """An array, or an object whose slices are arrays, with images along the first axis."""

    def __len__(self) -> int: ...

    def __getitem__(self, chosen: slice, /) -> NDArray[np.generic]: ...


def in_order(inputs: Sequence[Sliced], batch_size: int) -> Iterator[tuple[object, int]]:
    """Batches in the order of the images, each with the number of images in it that count.

    The last batch is padded with repeated images, because a batch of another size would be traced again. Batches are
    copies: torch.compile refuses a view of the read-only file that has the images.
    """
    for start in range(0, len(inputs[0]), batch_size):
        batch = [np.array(one[start : start + batch_size]) for one in inputs]
        count = len(batch[0])
        if count < batch_size:
            batch = [np.resize(one, (batch_size, *one.shape[1:])) for one in batch]
        yield as_model_input(batch), count


def fewest_repeated(counts: Sequence[int], most: int) -> int:
    """A batch size for `in_order` that pads little, common to splits of `counts` images.

    It is `most`, unless a size of at least half of that saves more than a tenth of the images to run.
    """

    def padded(size: int) -> int:
        return sum(math.ceil(count / size) * size for count in counts)

    largest = min(most, max(counts))
    best = min(range(max(1, largest // 2), largest + 1), key=lambda size: (padded(size), -size))
    return best if padded(best) < 0.9 * padded(most) else most


def as_model_input(arrays: ModelInputs) -> object:
    """The arrays as a model takes them: a single array, or a tuple of several."""
    return tuple(arrays) if len(arrays) > 1 else arrays[0]


class Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """The batches of a split, for `Model.fit`.

    With a seed, images are shuffled in each epoch. Their order and the changes to a batch depend only on seed and
    epoch, so that equal seeds give equal batches whatever else draws random numbers.

    Args:
        inputs: the inputs, or a function that gives those of an epoch.
        labels: the labels (N,).
        batch_size: images per batch.
        seed: the seed; None keeps the order of the images.
        change: changes each batch.
        class_weights: a weight for the loss of the images of each class (C,).
        along: gives the labels of further outputs of the model.
        first: the number of the first epoch, from 0.
        last: the number of the last epoch that is trained; None if that is not known. Those after it are prepared only
            if they are asked for.
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
        last: int | None = None,
    ) -> None:
        super().__init__(workers=1, use_multiprocessing=False)
        self._of_epoch: OfEpoch = inputs if callable(inputs) else lambda epoch: inputs
        self._labels, self.batch_size, self._seed, self._change = labels, batch_size, seed, change
        self._class_weights, self._along = class_weights, along
        self._epoch, self._last = first, last
        self._inputs, self._order = self._of_epoch(first), self._draw()
        self._prepared = first

    def __len__(self) -> int:
        return math.ceil(len(self._labels) / self.batch_size)

    def __getitem__(self, index: int) -> tuple[object, ...]:
        self._prepare()
        chosen = self._chosen(index, 1)
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

    def joined(self, first: int, count: int) -> tuple[NDArray[np.generic], ...]:
        """The next `count` batches from batch `first` on, joined: a single input, labels, and weights if there are any.

        Only for batches without `change` and `along`.
        """
        self._prepare()
        chosen = self._chosen(first, count)
        (inputs,), labels = self._inputs, self._labels[chosen]
        weights = () if self._class_weights is None else (self._class_weights[labels],)
        return (np.asarray(inputs[chosen]), labels, *weights)

    def on_epoch_end(self) -> None:
        """Prepare the order and the inputs of the next epoch. Keras calls it before the first and after each epoch."""
        self._epoch += 1
        if self._last is None or self._epoch <= self._last:
            self._prepare()

    def _prepare(self) -> None:
        """Draw the order and the inputs of this epoch, if that is not done."""
        if self._prepared != self._epoch:
            self._inputs, self._order = self._of_epoch(self._epoch), self._draw()
            self._prepared = self._epoch

    def _chosen(self, first: int, count: int) -> NDArray[np.int64]:
        """The places of the images of `count` batches, from batch `first` on."""
        return self._order[first * self.batch_size : (first + count) * self.batch_size]

    def _draw(self) -> NDArray[np.int64]:
        count = len(self._labels)
        if self._seed is None:
            return np.arange(count)
        return np.random.default_rng((self._seed, self._epoch)).permutation(count)
