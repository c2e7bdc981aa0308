"""Look a whole data set over: counts, balance, files that are no images, the same picture more than once."""

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


@dataclass(frozen=True)
class Bare:
    """A class of which there is no file in `folder`, relative to the data set's, from which `splits` are taken."""

    name: str
    folder: str
    splits: tuple[str, ...]


@dataclass(frozen=True)
class Audit:
    """What was found.

    file: what lists the images, or has them all in it; None of a folder. splits: where each comes from. left_out: what
    was never looked into. undecodable: files that are no images; files: their paths in the file system. exact, near:
    groups of the same picture. bare: classes whose folder has no file that is read.
    """

    folder: Path
    classes: tuple[str, ...]
    counts: dict[str, dict[str, int]]
    balance: dict[str, float]
    splits: Mapping[str, SplitOrigin]
    left_out: tuple[SkippedFile, ...]
    undecodable: tuple[SkippedFile, ...]
    files: Mapping[str, str]
    exact: Groups
    near: Groups
    file: Path | None = None
    bare: tuple[Bare, ...] = ()

    @property
    def place(self) -> Path:
        """What a user calls the data set by."""
        return self.file or self.folder

    @property
    def clean(self) -> bool:
        """No undecodable file, no class without an image, nothing twice; near duplicates within a split do no harm."""
        bad = (*self.exact.two_labels, *self.exact.across, *self.exact.within, *self.near.two_labels, *self.near.across)
        return not (self.undecodable or self.empty or bad)

    @property
    def empty(self) -> tuple[str, ...]:
        """Classes that have no image in a split, as ``'cat' in test``."""
        every = ((split, name, count) for split, of in self.counts.items() for name, count in of.items())
        return tuple(f"{name!r} in {split}" for split, name, count in every if not count)


def audit(layout: Layout, threads: int) -> Audit:
    """Decode every file once and compare all with all."""
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
        files={place.file: file for (place, file), (_, one) in zip(places, found, strict=True) if isinstance(one, str)},
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
    try:
        return duplicates.sketch(decoder(path).pixels)
    except UndecodableError as error:
        return str(error)
