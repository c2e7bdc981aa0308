"""Find duplicate images: equal pixels, or nearly equal ones (rescaled, recompressed). Pure."""

import hashlib
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tlbench.results.images import Duplicates, SplitAudit

VERSION = 3
"""To be increased when other pictures are found to be duplicates: caches keep what was found."""
LUMA = (77, 150, 29)
"""The weights of red, green and blue in grey, in parts of 256."""
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
DIRECTIONS, SAMPLE = 12, 4096
"""Number of principal directions that are compared first, and of thumbnails from which they are estimated."""
BLOCK, PAIRS = 64, 4096
"""Number of rows and of pairs that are compared at a time, so that memory stays bounded."""
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

    The thumbnail holds the mean luma of each of 16 x 16 blocks, or fewer if the image is smaller than that. It is that
    of the picture's copy in grey: all software makes it with these weights (ITU-R BT.601, here in parts of 256).

    Args:
        pixels: uint8 RGB of shape (height, width, 3).
    """
    red, green, blue = (np.multiply(pixels[..., at], weight, dtype=np.uint16) for at, weight in enumerate(LUMA))
    gray = (red + green + blue) / np.float32(256)
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

    Pairs are joined transitively.
    """
    if len(sketches) < 2:
        return sort_out([])
    raw = np.stack([one.thumbnail for one in sketches]).astype(np.float32)
    centred = raw - raw.mean(axis=1, keepdims=True)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    shows = (length / np.sqrt(raw.shape[1]) > FLATTEST).ravel()
    unit = np.where(shows[:, None], centred / np.maximum(length, 1e-9), 0)
    pixels = np.unique([one.pixels for one in sketches], return_inverse=True)[1]
    groups: dict[int, list[Place]] = defaultdict(list)
    for number, place in zip(_grouped(unit, raw, pixels).tolist(), places, strict=True):
        groups[number].append(place)
    return sort_out([group for group in groups.values() if len(group) > 1])


def _grouped(unit: NDArray[np.float32], raw: NDArray[np.float32], pixels: NDArray[np.intp]) -> NDArray[np.intp]:
    """Number the groups of nearly equal thumbnails without comparing all pairs in full.

    Two unit vectors that correlate by more than `CORRELATION` are closer than `REACH`, and no projection increases
    their distance. So only neighbours along the first principal direction are considered, and of these only pairs that
    are also close in the first `DIRECTIONS` principal directions are compared in full. Pairs that are in one group
    already are not compared, because frames of a still camera are all alike.

    Args:
        unit: centred thumbnails (n, 256) of length 1, or 0 for those that are too flat.
        raw: grey levels (n, 256) of the same thumbnails.
        pixels: equal numbers (n,) for equal pixels. Such a pair does not join groups.

    Returns:
        The number of each thumbnail's group (n,).
    """
    some = unit[:: max(1, len(unit) // SAMPLE)]
    _, directions = np.linalg.eigh(some.T @ some)
    projected = unit @ directions[:, : -DIRECTIONS - 1 : -1]
    order = np.argsort(projected[:, 0])
    order = order[unit[order].any(axis=1)]
    projected = projected[order]
    squares, first = (projected**2).sum(axis=1), projected[:, 0]
    groups, levels = np.arange(len(unit)), raw.mean(axis=1)
    for begin in range(0, len(order), BLOCK):
        end = min(begin + BLOCK, len(order))
        upto = np.searchsorted(first, first[end - 1] + REACH + ROUNDING, "right")
        ones, others = order[begin:end], order[begin:upto]
        apart = squares[begin:end, None] + squares[None, begin:upto]
        apart -= 2 * projected[begin:end] @ projected[begin:upto].T
        close = np.triu(apart < REACH**2 + ROUNDING, 1)
        close &= groups[ones][:, None] != groups[others]
        close &= pixels[ones][:, None] != pixels[others]
        close &= np.abs(levels[ones][:, None] - levels[others]) < LEVELS + ROUNDING
        used = close.any(axis=0)
        others, close = others[used], close[:, used]
        close &= unit[ones] @ unit[others].T > CORRELATION - ROUNDING
        rows, columns = np.nonzero(close)
        for part in range(0, len(rows), PAIRS):
            pairs = ones[rows[part : part + PAIRS]], others[columns[part : part + PAIRS]]
            groups = _joined(groups, *_alike(*_apart(*pairs, groups), unit, raw))
    return groups


def _apart(
    ones: NDArray[np.intp], others: NDArray[np.intp], groups: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The pairs that are in different groups."""
    apart = groups[ones] != groups[others]
    return ones[apart], others[apart]


def _alike(
    ones: NDArray[np.intp], others: NDArray[np.intp], unit: NDArray[np.float32], raw: NDArray[np.float32]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The pairs of nearly equal thumbnails, compared in full."""
    alike = (unit[ones] * unit[others]).sum(axis=1) > CORRELATION
    alike &= np.abs(raw[ones] - raw[others]).mean(axis=1) < LEVELS
    return ones[alike], others[alike]


def _joined(groups: NDArray[np.intp], ones: NDArray[np.intp], others: NDArray[np.intp]) -> NDArray[np.intp]:
    """The groups after those of each pair are joined."""
    if not len(ones):
        return groups
    from scipy.sparse import coo_array  # takes long to import, and most data sets have no near duplicates
    from scipy.sparse.csgraph import connected_components

    pairs = coo_array((np.ones(len(ones)), (groups[ones], groups[others])), shape=(len(groups), len(groups)))
    numbers: NDArray[np.intp] = connected_components(pairs, directed=False)[1]
    return numbers[groups]


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
