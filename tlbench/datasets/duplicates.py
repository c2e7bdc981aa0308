"""Find duplicate images: equal pixels, or nearly equal ones (rescaled, recompressed). Pure."""

import hashlib
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tlbench.results.images import Duplicates, SplitAudit

SIDE = 16
"""Side length of a thumbnail in pixels."""
CORRELATION, LEVELS = 0.995, 6.0
"""Thumbnails of near duplicates correlate by more than `CORRELATION` and differ on average by less than `LEVELS` grey
levels (of 255).
"""
FLATTEST = 2.0
"""Standard deviation in grey levels (of 255) below which a thumbnail has too little structure to be compared."""
REACH, ROUNDING = math.sqrt(2 * (1 - CORRELATION)), 1e-4
"""Euclidean distance of two unit vectors whose correlation is `CORRELATION`, and a tolerance for float32 rounding."""
DIRECTIONS, SAMPLE, BLOCK = 12, 4096, 512
"""Number of principal directions that are compared first, of thumbnails from which they are estimated, and of rows per
block.
"""
NAMED = 20
"""Largest number of groups that a record lists."""


class Place(NamedTuple):
    """Where an image stands in a data set.

    Attributes:
        split: the split.
        label: the class.
        file: relative to the data set's folder.
    """

    split: str
    label: str
    file: str


@dataclass(frozen=True)
class Sketch:
    """What is kept of an image to find its duplicates.

    Attributes:
        pixels: SHA-256 of the pixels.
        thumbnail: grey levels, uint8 of shape (256,), of 16 x 16 blocks.
    """

    pixels: str
    thumbnail: NDArray[np.uint8]


@dataclass(frozen=True)
class Groups:
    """Groups of duplicates. A group is listed once, under the first kind that fits.

    Attributes:
        two_labels: images of more than one class.
        across: images of one class in more than one split.
        within: images of one class in one split.
    """

    two_labels: tuple[tuple[Place, ...], ...]
    across: tuple[tuple[Place, ...], ...]
    within: tuple[tuple[Place, ...], ...]


def sketch(pixels: NDArray[np.uint8]) -> Sketch:
    """Compute the sketch of an image.

    The thumbnail holds the mean grey level of each of 16 x 16 blocks, or fewer if the image is smaller than that.

    Args:
        pixels: uint8 RGB of shape (height, width, 3).
    """
    red, green, blue = np.moveaxis(pixels, 2, 0)
    gray = (np.add(red, green, dtype=np.uint16) + blue) / np.float32(3)  # numpy's mean over so short an axis is slow
    for axis in (0, 1):
        edges = np.linspace(0, gray.shape[axis], min(SIDE, gray.shape[axis]) + 1).astype(int)
        sums = np.add.reduceat(gray, edges[:-1], axis=axis)
        widths = np.diff(edges).reshape((-1, 1) if axis == 0 else (1, -1))
        gray = sums / widths
    return Sketch(hashlib.sha256(pixels.tobytes()).hexdigest(), gray.round().astype(np.uint8).ravel())


def exact(places: Sequence[Place], sketches: Sequence[Sketch]) -> Groups:
    """Groups of images with equal pixels."""
    groups: dict[str, list[Place]] = defaultdict(list)
    for place, one in zip(places, sketches, strict=True):
        groups[one.pixels].append(place)
    return sort_out([group for group in groups.values() if len(group) > 1])


def near(places: Sequence[Place], sketches: Sequence[Sketch]) -> Groups:
    """Groups of images with nearly equal thumbnails, except pairs whose pixels are equal.

    Pairs found by `_alike` are joined transitively (union-find).
    """
    if len(sketches) < 2:
        return sort_out([])
    raw = np.stack([one.thumbnail for one in sketches]).astype(np.float32)
    centred = raw - raw.mean(axis=1, keepdims=True)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    shows = (length / np.sqrt(raw.shape[1]) > FLATTEST).ravel()
    unit = np.where(shows[:, None], centred / np.maximum(length, 1e-9), 0)
    joined = list(range(len(places)))

    def root(index: int) -> int:
        while joined[index] != index:
            joined[index] = joined[joined[index]]
            index = joined[index]
        return index

    for one, other in _alike(unit, raw):
        if sketches[one].pixels != sketches[other].pixels:
            joined[root(one)] = root(other)
    groups: dict[int, list[Place]] = defaultdict(list)
    for index, place in enumerate(places):
        groups[root(index)].append(place)
    return sort_out([group for group in groups.values() if len(group) > 1])


def _alike(unit: NDArray[np.float32], raw: NDArray[np.float32]) -> Iterable[tuple[int, int]]:
    """Find pairs of nearly equal thumbnails without comparing all pairs in full.

    Two unit vectors that correlate by more than `CORRELATION` are closer than `REACH`, and no projection increases
    their distance. So only neighbours along the first principal direction are considered, and of these only pairs that
    are also close in the first `DIRECTIONS` principal directions are compared in full.

    Args:
        unit: centred thumbnails (n, 256) of length 1, or 0 for those that are too flat.
        raw: grey levels (n, 256) of the same thumbnails.

    Returns:
        Pairs of row indices.
    """
    some = unit[:: max(1, len(unit) // SAMPLE)]
    _, directions = np.linalg.eigh(some.T @ some)
    projected = unit @ directions[:, : -DIRECTIONS - 1 : -1]
    order = np.argsort(projected[:, 0])
    order = order[unit[order].any(axis=1)]
    projected = projected[order]
    squares, first = (projected**2).sum(axis=1), projected[:, 0]
    for begin in range(0, len(order), BLOCK):
        end = min(begin + BLOCK, len(order))
        upto = np.searchsorted(first, first[end - 1] + REACH + ROUNDING, "right")
        apart = squares[begin:end, None] + squares[None, begin:upto]
        apart -= 2 * projected[begin:end] @ projected[begin:upto].T
        rows, columns = np.nonzero(apart < REACH**2 + ROUNDING)
        above = rows < columns
        ones, others = order[begin + rows[above]], order[begin + columns[above]]
        for part in range(0, len(ones), BLOCK):
            one, other = ones[part : part + BLOCK], others[part : part + BLOCK]
            high = (unit[one] * unit[other]).sum(axis=1) > CORRELATION
            near = np.abs(raw[one] - raw[other]).mean(axis=1) < LEVELS
            yield from zip(one[high & near].tolist(), other[high & near].tolist(), strict=True)


def sort_out(groups: Sequence[Sequence[Place]]) -> Groups:
    """Sort groups by kind; see `Groups`."""
    two_labels, across, within = [], [], []
    for group in groups:
        if len({place.label for place in group}) > 1:
            two_labels.append(tuple(group))
        elif len({place.split for place in group}) > 1:
            across.append(tuple(group))
        else:
            within.append(tuple(group))
    return Groups(tuple(two_labels), tuple(across), tuple(within))


def balance(counts: dict[str, dict[str, int]]) -> dict[str, float]:
    """Size of the smallest class over that of the largest, for each split that has images."""
    return {split: min(of.values()) / max(of.values()) for split, of in counts.items() if of and max(of.values())}


def of_used(places: Sequence[Place], sketches: Sequence[Sketch], counts: dict[str, dict[str, int]]) -> SplitAudit:
    """Audit the images that a cell uses, in the form that its record keeps."""
    same, alike = exact(places, sketches), near(places, sketches)
    return SplitAudit(
        exact_two_labels=_named(same.two_labels),
        exact_across=_named(same.across),
        exact_within=_named(same.within),
        near_two_labels=_named(alike.two_labels),
        near_across=_named(alike.across),
        near_within=_named(alike.within),
        balance=balance(counts),
    )


def _named(groups: Sequence[Sequence[Place]]) -> Duplicates:
    return Duplicates(total=len(groups), files=tuple(tuple(place.file for place in group) for group in groups[:NAMED]))
