"""A data set that is ready to use: its splits as arrays on disk, or as files that are decoded when needed."""

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
    """The images of a split, uint8 RGB of shape (count, height, width, 3). A slice of them is an array."""

    def __len__(self) -> int: ...

    def __getitem__(self, chosen: slice, /) -> NDArray[np.uint8]: ...

    def __array__(self) -> NDArray[np.uint8]: ...


class Split(Protocol):
    """A split of a data set."""

    @property
    def per_class(self) -> Mapping[str, int]:
        """Number of images by class."""

    def open(self, crop: float | None) -> tuple[Pictures, Labels]:
        """Open the images and labels.

        Args:
            crop: side length of the central square as a fraction of the shorter side, None for the whole image; used
                only by splits that are not cropped yet.

        Returns:
            The images, and labels of shape (count,).
        """


@dataclass(frozen=True)
class ArraySplit:
    """A split that is decoded on disk.

    Attributes:
        images: raw uint8 of shape (count, height, width, 3).
        labels: raw int32 of shape (count,).
        size: image size in pixels.
        per_class: number of images by class.
    """

    images: Path
    labels: Path
    size: ImageSize
    per_class: Mapping[str, int]

    def open(self, crop: float | None = 1.0) -> tuple[NDArray[np.uint8], Labels]:
        """The images, memory-mapped read-only, and labels. The images are already cropped, so `crop` is ignored."""
        del crop
        shape = (sum(self.per_class.values()), *height_width(self.size), 3)
        return np.memmap(self.images, np.uint8, "r", shape=shape), np.fromfile(self.labels, np.int32)


@dataclass(frozen=True)
class FileSplit:
    """A split whose images are decoded each time they are asked for.

    Attributes:
        folder: the folder that paths are relative to.
        files: path and class index of each image.
        size: side length in pixels of the decoded images.
        per_class: number of images by class.
    """

    folder: Path
    files: tuple[tuple[str, int], ...]
    size: int
    per_class: Mapping[str, int]

    def open(self, crop: float | None) -> tuple["Crops", Labels]:
        """The central squares of the images, or the whole images, and labels."""
        return Crops(self, crop), np.array([label for _, label in self.files], dtype=np.int32)


@dataclass(frozen=True)
class Crops:
    """The central square of each file, or all of it, decoded by one thread per core.

    Attributes:
        split: the image files.
        share: side length of the square as a fraction of the shorter side; None for the whole image.
    """

    split: FileSplit
    share: float | None

    def __len__(self) -> int:
        return len(self.split.files)

    def __getitem__(self, chosen: slice) -> NDArray[np.uint8]:
        """Decode a slice of the images.

        Raises:
            UserError: a file cannot be decoded.
        """
        files = [self.split.folder / file for file, _ in self.split.files[chosen]]
        with ThreadPoolExecutor(usable_cores()) as pool:
            return np.stack(list(pool.map(lambda file: read_crop(file, self.split.size, self.share), files)))

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[np.uint8]:
        """All images in memory. Raises ValueError if a copy is forbidden."""
        if copy is False:
            raise ValueError("image files can only be converted to an array by copying")
        return np.asarray(self[:], dtype)


@dataclass(frozen=True)
class DataSource:
    """A data set that is ready to use.

    Attributes:
        name: the label of the data set in the suite.
        classes: the classes in the order of their indices.
        source: whether the images are real or drawn by code.
        instead_of: the name of the data set whose photographs synthetic images stand in for; empty if they do not.
        fingerprint: identifies the images, whatever their size in pixels.
        splits: the splits by name.
        skipped: entries and files that are not used, with the reason.
        audit: duplicates and balance of the images that are used.
        origins: where the images of each split come from; empty for synthetic ones.
        rebuilt: for each cache entry that was damaged and made again, what was wrong with it.
    """

    name: str
    classes: tuple[str, ...]
    source: Literal["real", "synthetic"]
    instead_of: str
    fingerprint: str
    splits: Mapping[str, Split]
    skipped: tuple[SkippedFile, ...] = ()
    audit: SplitAudit | None = None
    origins: Mapping[str, SplitOrigin] = field(default_factory=dict)
    rebuilt: tuple[str, ...] = field(default=(), compare=False)

    @property
    def fallback(self) -> bool:
        """Whether synthetic images stand in for real ones."""
        return bool(self.instead_of)

    def provenance(self) -> DataProvenance:
        """What a record keeps about its data."""
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
