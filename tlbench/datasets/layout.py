"""Layouts: the images of a data set by split and class, in whatever kind of files they are.

Each kind of data set has a module that finds its images (`tlbench.datasets.kinds`) and builds the layout here.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tlbench.core.errors import UserError
from tlbench.core.image_size import ImageSize, Resize
from tlbench.core.text import counted
from tlbench.datasets import decode
from tlbench.datasets.decode import Picture
from tlbench.datasets.listing import LeftOut
from tlbench.datasets.names import SPLITS, alike, apart, shown
from tlbench.results.images import SkippedFile, SplitOrigin

Found = Mapping[str, Mapping[str, tuple[str, ...]]]
"""File names by split and class, of the splits that exist; train always does."""
Files = Mapping[str, Mapping[str, tuple[str, ...]]]
"""File names by split and class, relative to the data set's folder, in the order in which a limit takes them."""


@dataclass(frozen=True)
class SplitRule:
    """What a suite says about the splits, classes and columns of a data set.

    Attributes:
        validation: fraction of each class's training images that is drawn for validation where that split is missing.
        test: the same for test.
        seed: seed of the draw.
        folders: the folder of each split; None: recognized by name; empty: there are no splits, whatever the names.
        classes: the classes that are used, in this order; empty: all.
        image: the column of image paths or images; empty: the usual one.
        label: the column of labels; empty: the usual one.
    """

    validation: float = 0.15
    test: float = 0.15
    seed: int = 0
    folders: Mapping[str, str] | None = None
    classes: tuple[str, ...] = ()
    image: str = ""
    label: str = ""


class Container(Protocol):
    """Files that contain all images, under the names that the layout gives them."""

    @property
    def files(self) -> tuple[Path, ...]:
        """All files; if one changes, the images may have changed."""

    def decoder(self, size: ImageSize, resize: Resize) -> Callable[[str], Picture]:
        """A function that returns the picture of a name.

        It raises UndecodableError for a bad image, and UserError if a file cannot be read.
        """


@dataclass(frozen=True)
class Layout:
    r"""Where the images of a data set are.

    Paths in `files` are those of the file system. Names of classes, like all names that are shown, have ``\xe9`` for
    bytes that are not UTF-8.

    Attributes:
        folder: the folder that the paths in `files` are relative to.
        classes: the classes in the order of their indices.
        files: the image files by split and class.
        left_out: entries that are not read, with the reason.
        origins: where each split comes from.
        file: the file that lists the images, or the file or folder that contains them (`container`); None for a folder
            of image files.
        container: reads images that are not files of their own; None if they are.
    """

    folder: Path
    classes: tuple[str, ...]
    files: Files
    left_out: tuple[SkippedFile, ...]
    origins: Mapping[str, SplitOrigin]
    file: Path | None = None
    container: Container | None = None

    @property
    def place(self) -> Path:
        """The path by which the user knows the data set."""
        return self.file or self.folder

    def decoder(self, size: ImageSize, resize: Resize = "stretch") -> Callable[[str], Picture]:
        """A function that returns the picture of a path in `files`. It raises UndecodableError."""
        if self.container is not None:
            return self.container.decoder(size, resize)
        return lambda path: decode.decode(self.folder / path, size, resize)


def laid_out(
    folder: Path,
    found: Found,
    places: Mapping[str, str],
    rule: SplitRule,
    left_out: LeftOut,
    *,
    file: Path | None = None,
    container: Container | None = None,
    empty: bool = False,
) -> Layout:
    """Build a layout from the files found in each split, and draw missing validation and test splits from train.

    Args:
        folder: the folder that file names are relative to.
        found: the files by split and class. Names of classes are as they are shown (`splits.class_names`).
        places: the name of each existing split in the data set.
        rule: how missing splits are drawn.
        left_out: entries that are not read.
        file: the file that lists or contains the images, if there is one.
        container: reads images that are not files of their own.
        empty: as in `read_folder`.

    Raises:
        UserError: the splits have different classes, or a class has too few images to draw from (unless `empty`).
    """
    for split, listed in found.items():
        _check_same(file or folder, split, listed, found["train"])
    splits, drawn = _drawn_from_train(found, rule, empty)
    files = {split: {name: in_order(splits[split][name]) for name in found["train"]} for split in SPLITS}
    origins = {
        split: SplitOrigin(
            folder=places.get(split, places["train"]),
            file=shown(file.name) if file else "",
            files=sum(map(len, files[split].values())),
            drawn=drawn.get(split),
            seed=rule.seed if split in drawn else None,
        )
        for split in SPLITS
    }
    return Layout(folder, tuple(found["train"]), files, tuple(left_out), origins, file, container)


def in_order(names: Iterable[str]) -> tuple[str, ...]:
    """The order in which a limit takes files: by name, so that it is easy to see which files were used."""
    return tuple(sorted(names))


def _check_same(folder: Path, split: str, listed: Mapping[str, object], train: Mapping[str, object]) -> None:
    if set(listed) == set(train):
        return
    odd = sorted(set(listed) ^ set(train))
    twice = [name for name in odd if sum(alike(other) == alike(name) for other in odd) > 1]
    hint = f" ({apart(twice)} are different names)" if twice else ""
    raise UserError(
        f"{shown(str(folder))}: the classes of {split} and train differ in {apart(odd)}{hint}; they must be the same"
    )


def _drawn_from_train(
    found: Found, rule: SplitRule, empty: bool
) -> tuple[dict[str, dict[str, tuple[str, ...]]], dict[str, float]]:
    """Draw the missing splits from train.

    Returns:
        The files of all three splits, and the fraction of train for each split that was drawn.
    """
    shares = (("test", rule.test), ("validation", rule.validation))
    drawn = {split: share for split, share in shares if split not in found}
    splits = {split: dict(listed) for split, listed in found.items()} | {split: {} for split in drawn}
    for name, files in found["train"].items():
        left = tuple(sorted(files, key=lambda file: (_hash(f"{rule.seed}:{file}"), file)))
        for split, share in drawn.items():
            count = max(1, round(share * len(files)))
            splits[split][name], left = left[:count], left[count:]
        if not left and not empty:
            raise UserError(
                f"class {name!r} has {counted(len(files), 'image')} for train, too few to "
                f"draw {' and '.join(drawn)} from; add images, or set lower fractions in the suite"
            )
        splits["train"][name] = left
    return splits, drawn


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
