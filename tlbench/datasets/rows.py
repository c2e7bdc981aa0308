"""Data sets whose images and labels are rows of files: which rows belong to which split and class."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Protocol

from tlbench.core.errors import UserError
from tlbench.core.image_size import ImageSize, Resize
from tlbench.core.text import counted
from tlbench.datasets.decode import Picture, of_bytes
from tlbench.datasets.layout import Layout, SplitRule
from tlbench.datasets.listing import LeftOut
from tlbench.datasets.names import shown, split_of
from tlbench.datasets.splits import grouped, of_file, of_images
from tlbench.results.images import SkippedFile

Labels = Mapping[str, Sequence[str | None]]
"""The label of each row, by the name that the split has in the files; None for a row without a label."""


class Reader(Protocol):
    """Reads encoded images (JPEG, PNG, ...) of a split. Safe to call from several threads."""

    def __call__(self, row: int, /) -> bytes:
        """The encoded image of a row.

        Raises:
            UndecodableError: the row has no image.
            UserError: the files cannot be read.
        """


class Parts:
    """Row numbers of a table that is stored in several consecutive parts."""

    def __init__(self, lengths: Iterable[int]) -> None:
        self._starts = [0, *accumulate(lengths)]

    def place(self, row: int) -> tuple[int, int]:
        """The part that contains a row, and the row's index in that part."""
        part = bisect_right(self._starts, row) - 1
        return part, row - self._starts[part]


@dataclass(frozen=True)
class Rows:
    """Images in rows of files, as a `Container`. Their names are ``<split>/<row>``, such as ``train/0000017``.

    Attributes:
        files: all files.
        readers: opens the images of a split, by the name that the split has in the files.
    """

    files: tuple[Path, ...]
    readers: Mapping[str, Callable[[], Reader]]

    def decoder(self, size: ImageSize, resize: Resize) -> Callable[[str], Picture]:
        """A function that returns the picture of a name."""
        readers = {split: opened() for split, opened in self.readers.items()}

        def decode(path: str) -> Picture:
            split, _, row = path.rpartition("/")
            return of_bytes(readers[split](int(row)), size, resize)

        return decode


def of_rows(
    place: Path,
    labels: Labels,
    order: Sequence[str],
    container: Rows,
    rule: SplitRule,
    left_out: Sequence[SkippedFile] = (),
    *,
    empty: bool = False,
) -> Layout:
    """Build the layout of a data set whose images are rows. Rows without a label are left out, as are splits of only
    such rows.

    Args:
        place: the file or folder of the data set.
        labels: the label of each row of each split.
        order: all classes, in their order.
        container: reads the images.
        rule: how splits and classes are chosen.
        left_out: what is known to be missing.
        empty: as in `read_folder`.

    Raises:
        UserError: the splits or classes cannot be used.
    """
    left_out = [*left_out, *_unlabelled(place, labels)]
    listed = grouped(_images(labels))
    if not listed:
        raise UserError(f"{shown(str(place))} has no image with a label; a classifier needs labels")
    listed |= {split: {} for split in labels if split not in listed and split_of(split)}
    folder = (place if place.name else place.resolve()).parent
    return of_images(place, folder, listed, order, rule, left_out, container=container, empty=empty)


def class_label(place: Path, number: int | None, names: Sequence[str]) -> str | None:
    """The name of a class.

    Args:
        place: the data set, for the message.
        number: index of the class; None or -1 for an image without a label.
        names: the names of the classes.

    Raises:
        UserError: there is no class of that index.
    """
    if number is None or number == -1:
        return None
    if not 0 <= number < len(names):
        raise UserError(f"{shown(str(place))} has label {number}, but names of only {len(names)} classes")
    return names[number]


def _unlabelled(place: Path, labels: Labels) -> LeftOut:
    """What to report of the rows without a label."""
    without = {split: sum(label is None for label in rows) for split, rows in labels.items()}
    return [
        of_file(place, f"{counted(count, 'image')} of split {split!r} without a label")
        for split, count in without.items()
        if count
    ]


def _images(labels: Labels) -> Iterator[tuple[str, str, str]]:
    """The split, the label and the name of each row that has a label."""
    for split, rows in labels.items():
        for row, label in enumerate(rows):
            if label is not None:
                yield split, label, f"{split}/{row:07d}"
