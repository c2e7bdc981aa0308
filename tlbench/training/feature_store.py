"""The cache of features: the outputs of the frozen layers for each image, computed once and stored on disk.

There is one entry per cut, split and view, with one array per tensor.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tlbench.cache.folders import FEATURES
from tlbench.cache.manifest import key_of
from tlbench.cache.store import Store
from tlbench.cache.writer import NoRoomError, Writer
from tlbench.modeling.handed import Handed

__all__ = ["FeatureStore", "FeatureWriter", "Features", "NoRoomError", "Wanted"]

Features = list[NDArray[np.generic]]


@dataclass(frozen=True)
class Wanted:
    """The description of a cache entry.

    Attributes:
        made_from: everything that the features depend on.
        handed: the tensors of the cut.
        images: the number of images.
    """

    made_from: Mapping[str, str] = field(hash=False)
    handed: tuple[Handed, ...]
    images: int

    @property
    def key(self) -> str:
        """The key of the entry, a hash of `made_from`."""
        return key_of(self.made_from)

    @property
    def bytes(self) -> int:
        """The size of all arrays in bytes."""
        return self.images * sum(tensor.bytes for tensor in self.handed)


@dataclass(frozen=True)
class FeatureWriter:
    """Writes an entry batch by batch, in the order of the images."""

    wanted: Wanted
    writer: Writer

    def append(self, arrays: Sequence[NDArray[np.generic]]) -> None:
        """Write the features of the next images, an array (images, ...) per tensor. Raises NoRoomError."""
        for number, (array, tensor) in enumerate(zip(arrays, self.wanted.handed, strict=True)):
            self.writer.append(f"{number}.raw", np.asarray(array, dtype=tensor.dtype))

    def check(self) -> None:
        """Raise ValueError if images are missing."""
        count = self.writer.rows("0.raw")
        if count != self.wanted.images:
            raise ValueError(f"{count} of {self.wanted.images} images have features")


class FeatureStore:
    """A cache of features in `folder`, of at most `most` bytes; the least recently used entries are removed first."""

    def __init__(self, folder: Path, most: int) -> None:
        self._store = Store(folder, FEATURES, most)

    @property
    def damaged(self) -> Sequence[str]:
        """What was wrong with entries that had to be computed again."""
        return self._store.damaged

    def has(self, wanted: Wanted) -> bool:
        """Whether the entry exists; it may be damaged."""
        return self._store.has(wanted.key)

    def get(self, wanted: Wanted, compute: Callable[[], None], others: Sequence[Wanted] = ()) -> Features:
        """The arrays of an entry, memory-mapped read-only. Only one process at a time computes an entry.

        Args:
            wanted: the entry.
            compute: computes and writes it, if it is missing or damaged.
            others: further entries that `compute` may write.
        """
        return self._store.get(wanted.key, compute, [other.key for other in others]).arrays()

    def fits(self, wanted: Sequence[Wanted]) -> bool:
        """Whether these entries fit into the cache after older ones have been removed."""
        return self._store.fits(sum(entry.bytes for entry in wanted))

    @contextmanager
    def write(self, wanted: Sequence[Wanted]) -> Iterator[list[FeatureWriter]]:
        """Write entries together; they exist once the ``with`` block ends without an error. For `compute` of `get`.

        Raises:
            NoRoomError: they do not fit.
            ValueError: features of some images were not written.
        """
        sources = {entry.key: entry.made_from for entry in wanted}
        with self._store.write(sources, sum(entry.bytes for entry in wanted)) as writers:
            features = [FeatureWriter(entry, writer) for entry, writer in zip(wanted, writers, strict=True)]
            yield features
            for writer in features:
                writer.check()
