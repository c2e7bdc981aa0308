"""Look a data set over: counts, files that are no images, the same picture twice."""

from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tlbench.datasets.build import quiet
from tlbench.datasets.decode import Picture, UndecodableError, decode
from tlbench.datasets.layout import Layout

Where = tuple[str, str, str]
"""Split, class, file relative to the data set's folder."""


@dataclass(frozen=True)
class Audit:
    """What was found. `same` are groups of files with the same bytes, by where they stand to each other."""

    folder: Path
    counts: dict[str, dict[str, int]]
    undecodable: tuple[tuple[str, str, str], ...]
    junk: tuple[str, ...]
    within: tuple[tuple[Where, ...], ...]
    across: tuple[tuple[Where, ...], ...]
    two_labels: tuple[tuple[Where, ...], ...]

    @property
    def clean(self) -> bool:
        """No undecodable file, nothing twice."""
        return not (self.undecodable or self.within or self.across or self.two_labels)


def audit(layout: Layout, threads: int) -> Audit:
    """Decode every file once and compare the bytes of all."""
    places = [
        (split, name, file)
        for split, classes in layout.files.items()
        for name, files in classes.items()
        for file in files
    ]
    with quiet(), ThreadPoolExecutor(threads) as pool:
        found = list(pool.map(lambda place: _look(layout.folder / place[2]), places))
    bad = [(split, file, why) for (split, _, file), why in zip(places, found, strict=True) if isinstance(why, str)]
    counts: dict[str, dict[str, int]] = {split: dict.fromkeys(classes, 0) for split, classes in layout.files.items()}
    groups: dict[str, list[Where]] = defaultdict(list)
    for place, picture in zip(places, found, strict=True):
        if isinstance(picture, Picture):
            counts[place[0]][place[1]] += 1
            groups[picture.sha256].append(place)
    within, across, two_labels = sort_out([group for group in groups.values() if len(group) > 1])
    return Audit(layout.folder, counts, tuple(bad), layout.junk, within, across, two_labels)


def sort_out(groups: Sequence[Sequence[Where]]) -> tuple[tuple[tuple[Where, ...], ...], ...]:
    """Groups of equal files: within one split, across splits, under two labels (the worst of these counts)."""
    within, across, two_labels = [], [], []
    for group in groups:
        if len({name for _, name, _ in group}) > 1:
            two_labels.append(tuple(group))
        elif len({split for split, _, _ in group}) > 1:
            across.append(tuple(group))
        else:
            within.append(tuple(group))
    return tuple(within), tuple(across), tuple(two_labels)


def _look(file: Path) -> Picture | str:
    try:
        return decode(file, 16)
    except UndecodableError as error:
        return str(error)
