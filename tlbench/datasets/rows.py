"""Images and labels in the rows of files that have all of them inside: which rows belong to which split and class."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Protocol

from tlbench.core.errors import UserError, nearest
from tlbench.core.image_size import ImageSize, Resize
from tlbench.core.text import counted
from tlbench.datasets.decode import Picture, of_bytes
from tlbench.datasets.layout import Layout, SplitRule, check_names, laid_out
from tlbench.datasets.listing import LeftOut
from tlbench.datasets.names import EVALUATION, SPLITS, shown, split_of
from tlbench.results.images import SkippedFile

Labels = Mapping[str, Sequence[str | None]]
"""The label of each row of each split, by the name that the split has there; None: the row has none."""


class Reader(Protocol):
    """The images of a split, encoded as JPEG, PNG, ...; safe for several threads."""

    def __call__(self, row: int, /) -> bytes:
        """Those of a row. Raises UndecodableError where it has none, UserError where the files cannot be read."""


class Parts:
    """Rows that lie in several parts, one after the other."""

    def __init__(self, lengths: Iterable[int]) -> None:
        self._starts = [0, *accumulate(lengths)]

    def place(self, row: int) -> tuple[int, int]:
        """The part that has a row, and the row's number there."""
        part = bisect_right(self._starts, row) - 1
        return part, row - self._starts[part]


@dataclass(frozen=True)
class Rows:
    """Pictures that stand in rows of `files`, under names as ``train/0000017``.

    readers: what opens the images of a split, by its name there.
    """

    files: tuple[Path, ...]
    readers: Mapping[str, Callable[[], Reader]]

    def decoder(self, size: ImageSize, resize: Resize) -> Callable[[str], Picture]:
        """What makes a picture of a name."""
        readers = {split: opened() for split, opened in self.readers.items()}

        def decode(path: str) -> Picture:
            split, _, row = path.rpartition("/")
            return of_bytes(readers[split](int(row)), size, resize)

        return decode


def of_rows(
    place: Path, labels: Labels, order: Sequence[str], container: Rows, rule: SplitRule, *, empty: bool = False
) -> Layout:
    """The layout of the rows at `place`.

    order: all classes, those of rows among them. Rows without a label, and splits that have no other ones, are left
    out. Raises UserError for splits and classes that cannot be used.
    """
    where, left_out = shown(str(place)), LeftOut()
    place = place if place.name else place.resolve()
    labelled = _labelled(place, labels, left_out)
    if not labelled:
        raise UserError(f"{where} has no image with a label; a classifier needs them")
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
        raise UserError(f"{where} has one label only, {classes[0]!r}; a classifier needs at least two classes")
    found = {
        split: _by_class(taken if name is None else {name: taken[name]}, classes) for split, name in splits.items()
    }
    places = {split: "." if name is None else shown(name) for split, name in splits.items()}
    return laid_out(place.parent, found, places, rule, left_out, file=place, container=container, empty=empty)


def class_label(place: Path, number: int | None, names: Sequence[str]) -> str | None:
    """The class of a number; None for none, which is also written -1. Raises UserError where there is none of it."""
    if number is None or number == -1:
        return None
    if not 0 <= number < len(names):
        raise UserError(f"{shown(str(place))} has label {number}, and names for {counted(len(names), 'class')} only")
    return names[number]


def _labelled(place: Path, labels: Labels, left_out: LeftOut) -> dict[str, dict[int, str]]:
    """Label by row, of the rows that have one."""
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
    """What each split that is there is called; None: all rows are train's, since there are no splits."""
    if rule.folders == {}:
        return {"train": None}
    if rule.folders is None:
        return dict(_by_meaning(place, names))
    for split, name in rule.folders.items():
        if name not in names:
            raise UserError(
                f"{shown(str(place))} has no split {name!r} for {split}; {nearest(name, sorted(names), 'splits')}"
            )
    return dict(rule.folders)


def _by_meaning(place: Path, names: Sequence[str]) -> dict[str, str]:
    """The names that mean a split; the only one there is is train's, whatever it means."""
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
                f"{shown(str(place))}: {name!r} and {found[split]!r} both mean {split}; say which with "
                f"`splits: {{{split}: {name}, ...}}` in the suite"
            )
        found[split] = name
    if "train" not in found:
        raise UserError(
            f"{shown(str(place))} has the splits {', '.join(map(shown, names))} and none that means train; name them "
            "with `splits: {train: ..., test: ...}` in the suite, or write `splits: none`"
        )
    return {split: found[split] for split in SPLITS if split in found}


def _by_class(rows: Mapping[str, Mapping[int, str]], classes: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Names of the pictures of some splits by class, of the classes that they have."""
    found: dict[str, list[str]] = {}
    for split, of in rows.items():
        for row, label in of.items():
            found.setdefault(label, []).append(f"{split}/{row:07d}")
    return {label: tuple(found[label]) for label in classes if label in found}


def _of(place: Path, reason: str) -> SkippedFile:
    return SkippedFile(split="", path=shown(place.name), reason=reason)
