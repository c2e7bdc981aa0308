"""Features on disk: what the fixed part of a model makes of each image, computed once and kept.

One entry of the cache for each cut, split and view, with one array for each tensor.
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
    """An entry: what it is made from decides its key."""

    made_from: Mapping[str, str] = field(hash=False)
    handed: tuple[Handed, ...]
    images: int

    @property
    def key(self) -> str:
        """Changes with everything the features depend on."""
        return key_of(self.made_from)

    @property
    def bytes(self) -> int:
        """Bytes of all arrays."""
        return self.images * sum(tensor.bytes for tensor in self.handed)


@dataclass(frozen=True)
class FeatureWriter:
    """Takes features batch by batch, in the order of the images."""

    wanted: Wanted
    writer: Writer

    def append(self, arrays: Sequence[NDArray[np.generic]]) -> None:
        """The features of the next images, one array (images, ...) for each tensor. Raises NoRoomError."""
        for number, (array, tensor) in enumerate(zip(arrays, self.wanted.handed, strict=True)):
            self.writer.append(f"{number}.raw", np.asarray(array, dtype=tensor.dtype))

    def check(self) -> None:
        """Raises ValueError where images are missing."""
        count = self.writer.rows("0.raw")
        if count != self.wanted.images:
            raise ValueError(f"{count} of {self.wanted.images} images have features")


class FeatureStore:
    """The features under `folder`, of `most` bytes together; the least recently used go first."""

    def __init__(self, folder: Path, most: int) -> None:
        self._store = Store(folder, FEATURES, most)

    @property
    def damaged(self) -> Sequence[str]:
        """What was wrong with entries that had to be made again."""
        return self._store.damaged

    def has(self, wanted: Wanted) -> bool:
        """Whether there is an entry, good or bad."""
        return self._store.has(wanted.key)

    def get(self, wanted: Wanted, compute: Callable[[], None], others: Sequence[Wanted] = ()) -> Features:
        """The arrays, memory-mapped read-only; `compute` writes them where they are missing or damaged.

        others: what `compute` may write as well. One process at a time computes an entry.
        """
        return self._store.get(wanted.key, compute, [other.key for other in others]).arrays()

    def fits(self, wanted: Sequence[Wanted]) -> bool:
        """Whether these entries fit, with older ones removed."""
        return self._store.fits(sum(entry.bytes for entry in wanted))

    @contextmanager
    def write(self, wanted: Sequence[Wanted]) -> Iterator[list[FeatureWriter]]:
        """Make entries together; they are there when the ``with`` ends without an error. For what `get` calls.

        Raises NoRoomError, and ValueError where images are missing.
        """
        sources = {entry.key: entry.made_from for entry in wanted}
        with self._store.write(sources, sum(entry.bytes for entry in wanted)) as writers:
            features = [FeatureWriter(entry, writer) for entry, writer in zip(wanted, writers, strict=True)]
            yield features
            for writer in features:
                writer.check()
