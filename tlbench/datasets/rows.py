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
from tlbench.datasets.layout import Layout, SplitRule, by_class, check_names, check_split_names, laid_out
from tlbench.datasets.listing import LeftOut
from tlbench.datasets.names import EVALUATION, SPLITS, shown, split_of
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
    place: Path, labels: Labels, order: Sequence[str], container: Rows, rule: SplitRule, *, empty: bool = False
) -> Layout:
    """Build the layout of a data set whose images are rows. Rows without a label are left out, as are splits of only
    such rows.

    Args:
        place: the file or folder of the data set.
        labels: the label of each row of each split.
        order: all classes, in their order.
        container: reads the images.
        rule: how splits and classes are chosen.
        empty: as in `read_folder`.

    Raises:
        UserError: the splits or classes cannot be used.
    """
    where, left_out = shown(str(place)), LeftOut()
    place = place if place.name else place.resolve()
    labelled = _labelled(place, labels, left_out)
    if not labelled:
        raise UserError(f"{where} has no image with a label; a classifier needs labels")
    splits = _splits(place, tuple(labelled), rule)
    left_out += [
        _of(place, f"{counted(len(rows), 'image')} of split {split!r}, not named")
        for split, rows in labelled.items()
        if split not in splits.values() and None not in splits.values()
    ]
    taken = labelled if None in splits.values() else {split: labelled[split] for split in splits.values() if split}
    there = {label for rows in taken.values() for label in rows.values()}
    classes = [label for label in order if label in there]
    check_names(where, classes, rule.classes)
    if rule.classes:
        others = [label for label in classes if label not in rule.classes]
        left_out += [_of(place, f"label {label} is not among the suite's classes") for label in others]
        classes = list(rule.classes)
    if len(classes) < 2:
        raise UserError(f"{where} has only one label, {classes[0]!r}; a classifier needs at least two classes")
    found = {
        split: by_class(_images(taken if name is None else {name: taken[name]}), classes)
        for split, name in splits.items()
    }
    places = {split: "." if name is None else shown(name) for split, name in splits.items()}
    return laid_out(place.parent, found, places, rule, left_out, file=place, container=container, empty=empty)


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
        raise UserError(f"{shown(str(place))} has label {number}, but names for only {counted(len(names), 'class')}")
    return names[number]


def _labelled(place: Path, labels: Labels, left_out: LeftOut) -> dict[str, dict[int, str]]:
    """The label of each row that has one, by split."""
    found = {}
    for split, rows in labels.items():
        of = {row: label for row, label in enumerate(rows) if label is not None}
        if len(of) < len(rows):
            none = counted(len(rows) - len(of), "image")
            left_out.append(_of(place, f"{none} of split {split!r} without a label"))
        if of:
            found[split] = of
    return found


def _splits(place: Path, names: Sequence[str], rule: SplitRule) -> dict[str, str | None]:
    """The name in the files of each split; None if there are no splits and all rows are for training."""
    if rule.folders == {}:
        return {"train": None}
    if rule.folders is None:
        return dict(_by_meaning(place, names))
    check_split_names(shown(str(place)), "split", names, rule.folders)
    return dict(rule.folders)


def _by_meaning(place: Path, names: Sequence[str]) -> dict[str, str]:
    """The splits whose names mean one. A single split is used for training, whatever its name."""
    if len(names) == 1:
        return {"train": names[0]}
    found: dict[str, str] = {}
    for name in sorted(names, key=lambda name: split_of(name) == EVALUATION):
        split = split_of(name)
        if split == EVALUATION:
            split = "validation" if "test" in found else "test"
        if split is None:
            continue
        if split in found:
            raise UserError(
                f"{shown(str(place))}: {name!r} and {found[split]!r} both mean {split}; choose one with "
                f"`splits: {{{split}: {name}, ...}}` in the suite"
            )
        found[split] = name
    if "train" not in found:
        raise UserError(
            f"{shown(str(place))} has the splits {', '.join(map(shown, names))}, none of which means train; name them "
            "with `splits: {train: ..., test: ...}` in the suite, or write `splits: none`"
        )
    return {split: found[split] for split in SPLITS if split in found}


def _images(rows: Mapping[str, Mapping[int, str]]) -> Iterator[tuple[str, str]]:
    """The label and the name of each image."""
    for split, labels in rows.items():
        for row, label in labels.items():
            yield label, f"{split}/{row:07d}"


def _of(place: Path, reason: str) -> SkippedFile:
    return SkippedFile(split="", path=shown(place.name), reason=reason)
