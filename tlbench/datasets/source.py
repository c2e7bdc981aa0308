"""A data set that is ready: what it is, and its splits, as arrays on disk or as files that are read when needed."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from tlbench.core.image_size import ImageSize, height_width
from tlbench.datasets.decode import read_crop
from tlbench.host.resources import usable_cores
from tlbench.results.images import DataProvenance, SkippedFile, SplitAudit, SplitOrigin

Labels = NDArray[np.int32]


class Pictures(Protocol):
    """Images of one split (count, height, width, 3), uint8 RGB; a slice of them is an array."""

    def __len__(self) -> int: ...

    def __getitem__(self, chosen: slice, /) -> NDArray[np.uint8]: ...

    def __array__(self) -> NDArray[np.uint8]: ...


class Split(Protocol):
    """One split: how many images each class has, and the images themselves."""

    @property
    def per_class(self) -> Mapping[str, int]:
        """Images by class."""

    def open(self, crop: float) -> tuple[Pictures, Labels]:
        """Images and labels (count,). `crop`: share of the shorter side that is kept, where that is not decided yet."""


@dataclass(frozen=True)
class ArraySplit:
    """Decoded images on disk: raw uint8 of shape (count, height, width, 3), and labels int32 (count,)."""

    images: Path
    labels: Path
    size: ImageSize
    per_class: Mapping[str, int]

    def open(self, crop: float = 1.0) -> tuple[NDArray[np.uint8], Labels]:
        """Images, memory-mapped read-only, and labels."""
        del crop
        shape = (sum(self.per_class.values()), *height_width(self.size), 3)
        return np.memmap(self.images, np.uint8, "r", shape=shape), np.fromfile(self.labels, np.int32)


@dataclass(frozen=True)
class FileSplit:
    """Image files, decoded whenever they are asked for; `files` are (path relative to `folder`, class index)."""

    folder: Path
    files: tuple[tuple[str, int], ...]
    size: int
    per_class: Mapping[str, int]

    def open(self, crop: float) -> tuple["Crops", Labels]:
        """The central squares of the images, and labels."""
        return Crops(self, crop), np.array([label for _, label in self.files], dtype=np.int32)


@dataclass(frozen=True)
class Crops:
    """The central square, of `share` of the shorter side, of each file; decoded by one thread a core."""

    split: FileSplit
    share: float

    def __len__(self) -> int:
        return len(self.split.files)

    def __getitem__(self, chosen: slice) -> NDArray[np.uint8]:
        """Raises UserError for a file that is no image."""
        files = [self.split.folder / file for file, _ in self.split.files[chosen]]
        with ThreadPoolExecutor(usable_cores()) as pool:
            return np.stack(list(pool.map(lambda file: read_crop(file, self.split.size, self.share), files)))

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[np.uint8]:
        """All of them at once, in memory: a copy. Raises ValueError where none may be made."""
        if copy is False:
            raise ValueError("pictures in files become an array by a copy")
        return np.asarray(self[:], dtype)


@dataclass(frozen=True)
class DataSource:
    """A data set ready to be used. `fingerprint` says which images these are, whatever their size in pixels.

    origins: where the images of each split come from; empty where they are drawn by code.
    rebuilt: what was wrong with decoded images that had to be decoded again.
    """

    name: str
    classes: tuple[str, ...]
    source: Literal["real", "synthetic"]
    fallback: bool
    fingerprint: str
    splits: Mapping[str, Split]
    skipped: tuple[SkippedFile, ...] = ()
    audit: SplitAudit | None = None
    origins: Mapping[str, SplitOrigin] = field(default_factory=dict)
    rebuilt: tuple[str, ...] = field(default=(), compare=False)

    def provenance(self) -> DataProvenance:
        """What a record says of its data."""
        return DataProvenance(
            source=self.source,
            fallback=self.fallback,
            fingerprint=self.fingerprint,
            classes=self.classes,
            counts={name: dict(split.per_class) for name, split in self.splits.items()},
            skipped=self.skipped,
            audit=self.audit,
            splits=dict(self.origins),
        )
