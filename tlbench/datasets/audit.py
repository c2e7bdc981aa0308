"""Audit a whole data set: counts, balance, files that are not images, and duplicate images."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tlbench.datasets import duplicates
from tlbench.datasets.decode import Picture, UndecodableError, quiet
from tlbench.datasets.duplicates import Groups, Place, Sketch
from tlbench.datasets.layout import Layout
from tlbench.datasets.names import shown
from tlbench.results.images import SkippedFile, SplitOrigin

SIZE = 64
"""Side length in pixels at which images are decoded for the audit."""


@dataclass(frozen=True)
class Bare:
    """A class without any file in one of the folders that splits are taken from.

    Attributes:
        name: the class.
        folder: relative to the data set's folder.
        splits: the splits that are taken from this folder.
    """

    name: str
    folder: str
    splits: tuple[str, ...]


@dataclass(frozen=True)
class Audit:
    """What an audit found.

    Attributes:
        folder: the folder that paths are relative to.
        classes: the classes in the order of their indices.
        counts: number of decodable images, by split and class.
        balance: smallest over largest class, by split.
        splits: where each split comes from.
        left_out: entries that were not read, with the reason.
        undecodable: files that are not images, with the reason.
        files: the path in the file system of each undecodable file, as two may have one printable path.
        exact: groups of images with equal pixels.
        near: groups of images that are nearly equal.
        file: the file that lists or contains the images; None for a folder.
        bare: classes without any file.
    """

    folder: Path
    classes: tuple[str, ...]
    counts: dict[str, dict[str, int]]
    balance: dict[str, float]
    splits: Mapping[str, SplitOrigin]
    left_out: tuple[SkippedFile, ...]
    undecodable: tuple[SkippedFile, ...]
    files: tuple[str, ...]
    exact: Groups
    near: Groups
    file: Path | None = None
    bare: tuple[Bare, ...] = ()

    @property
    def place(self) -> Path:
        """The path by which the user knows the data set."""
        return self.file or self.folder

    @property
    def clean(self) -> bool:
        """Whether there is no undecodable file, no empty class and no harmful duplicate.

        Near duplicates within one split do not count as harmful.
        """
        bad = (*self.exact.two_labels, *self.exact.across, *self.exact.within, *self.near.two_labels, *self.near.across)
        return not (self.undecodable or self.empty or bad)

    @property
    def empty(self) -> tuple[str, ...]:
        """Classes without an image in a split, as ``'cat' in test``."""
        every = ((split, name, count) for split, of in self.counts.items() for name, count in of.items())
        return tuple(f"{name!r} in {split}" for split, name, count in every if not count)


def audit(layout: Layout, threads: int) -> Audit:
    """Decode every image once and search all of them for duplicates.

    Args:
        layout: the data set.
        threads: number of threads that decode.
    """
    places = [
        (Place(split, name, shown(file)), file)
        for split, classes in layout.files.items()
        for name, files in classes.items()
        for file in files
    ]
    decoder = layout.decoder(SIZE)
    with quiet(), ThreadPoolExecutor(threads) as pool:
        found = list(pool.map(lambda place: (place[0], _look(place[1], decoder)), places))
    bad = [SkippedFile(split=place.split, path=place.file, reason=why) for place, why in found if isinstance(why, str)]
    seen = [(place, one) for place, one in found if isinstance(one, Sketch)]
    counts: dict[str, dict[str, int]] = {split: dict.fromkeys(classes, 0) for split, classes in layout.files.items()}
    for place, _ in seen:
        counts[place.split][place.label] += 1
    there, sketches = [place for place, _ in seen], [one for _, one in seen]
    return Audit(
        folder=layout.folder,
        classes=layout.classes,
        counts=counts,
        balance=duplicates.balance(counts),
        splits=layout.origins,
        left_out=layout.left_out,
        undecodable=tuple(bad),
        files=tuple(file for (_, file), (_, one) in zip(places, found, strict=True) if isinstance(one, str)),
        exact=duplicates.exact(there, sketches),
        near=duplicates.near(there, sketches),
        file=layout.file,
        bare=_bare(layout),
    )


def _bare(layout: Layout) -> tuple[Bare, ...]:
    folders: dict[str, list[str]] = {}
    for split, origin in layout.origins.items():
        folders.setdefault(origin.folder, []).append(split)
    return tuple(
        Bare(name, folder, tuple(splits))
        for folder, splits in folders.items()
        for name in layout.classes
        if not any(layout.files[split].get(name) for split in splits)
    )


def _look(path: str, decoder: Callable[[str], Picture]) -> Sketch | str:
    """The sketch of an image, or why it cannot be decoded."""
    try:
        return duplicates.sketch(decoder(path).pixels)
    except UndecodableError as error:
        return str(error)
