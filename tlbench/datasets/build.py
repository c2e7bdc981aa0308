"""Decode image files, or draw synthetic images, into arrays in the cache."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from tlbench.cache.writer import Writer
from tlbench.core.cell import Limit
from tlbench.core.errors import UserError
from tlbench.core.image_size import ImageSize, height_width
from tlbench.core.value import Value
from tlbench.datasets import synthetic
from tlbench.datasets.decode import Picture, UndecodableError, quiet
from tlbench.datasets.duplicates import Place, Sketch, of_used, sketch
from tlbench.datasets.layout import Layout
from tlbench.datasets.names import SPLITS, shown
from tlbench.host.resources import give_way, usable_cores
from tlbench.results.images import SkippedFile, SplitAudit, SplitOrigin

MOST_BAD = 0.05
"""Largest accepted share of files that cannot be decoded."""
CHUNK = 256
"""Number of files that are given to the decoding threads at a time."""
PATHS = ("utf-8", "surrogateescape")
"""Encoding and error handler that turn any path of the file system into bytes."""
Tell = Callable[[int, int], None]
"""Called with the number of images done and the total."""
Read = Callable[[str], Picture]
"""Returns the picture of a path in a layout. Raises UndecodableError."""


class Built(Value):
    """The description of decoded images that is stored in their manifest.

    Attributes:
        classes: the classes in the order of their indices.
        fingerprint: SHA-256 over splits, classes, paths and contents of all images.
        counts: number of images by split and class.
        skipped: files that could not be decoded.
        audit: duplicates and balance of the images; None for synthetic ones.
    """

    classes: tuple[str, ...]
    fingerprint: str
    counts: dict[str, dict[str, int]]
    skipped: tuple[SkippedFile, ...] = ()
    audit: SplitAudit | None = None


def images_of(split: str) -> str:
    """The name of the array of a split's images: uint8 of shape (count, height, width, 3)."""
    return f"{split}.images"


def labels_of(split: str) -> str:
    """The name of the array of a split's labels: int32 of shape (count,)."""
    return f"{split}.labels"


def most_bytes(count: int, size: ImageSize) -> int:
    """The size in bytes of `count` images of `size` with their labels."""
    height, width = height_width(size)
    return count * (height * width * 3 + np.dtype(np.int32).itemsize)


def count_real(layout: Layout, limit: Limit) -> int:
    """The number of images that `limit` takes from a layout if all of them can be decoded."""
    return sum(count_by_split(layout, limit).values())


def count_by_split(layout: Layout, limit: Limit) -> dict[str, int]:
    """The same by split."""
    limits = limit.model_dump()
    return {
        split: sum(min(len(files), limits[split] or len(files)) for files in layout.files[split].values())
        for split in SPLITS
    }


def count_synthetic(classes: tuple[str, ...], limit: Limit) -> int:
    """The number of synthetic images that are drawn."""
    return sum(synthetic.counts(limit).values()) * len(classes)


def build_real(layout: Layout, limit: Limit, read: Read, writer: Writer, tell: Tell) -> Built:
    """Decode the images of a layout into the arrays ``<split>.images`` and ``<split>.labels``.

    One thread per core decodes (Pillow releases the GIL). The threads run at a lower priority, because the process that
    imports the framework meanwhile takes longer. A file that cannot be decoded is replaced by the next one in order.

    Args:
        layout: the data set.
        limit: largest number of images per class, by split.
        read: decodes the image of a path.
        writer: receives the arrays.
        tell: receives the progress.

    Raises:
        UserError: more than 5 % of the files in a folder cannot be decoded (splits drawn from the same folder are
            judged together), or a class has no image.
    """
    limits, total = limit.model_dump(), count_real(layout, limit)
    skipped: list[SkippedFile] = []
    counts: dict[str, dict[str, int]] = {}
    places: list[Place] = []
    sketches: list[Sketch] = []
    digest, done = hashlib.sha256(), 0
    with quiet(), ThreadPoolExecutor(usable_cores(), initializer=give_way) as pool:
        for split in SPLITS:
            bad: list[SkippedFile] = []
            counts[split] = {}
            for label, name in enumerate(layout.classes):
                used = 0
                for path, found in _decoded(layout, split, name, limits[split], read, pool):
                    if isinstance(found, str):
                        bad.append(SkippedFile(split=split, path=shown(path), reason=found))
                        continue
                    picture, drawn = found
                    writer.append(images_of(split), picture.pixels[None])
                    digest.update(f"{split}\t{name}\t{path}\t{picture.sha256}\n".encode(*PATHS))
                    places.append(Place(split, name, shown(path)))
                    sketches.append(drawn)
                    used, done = used + 1, done + 1
                    tell(done, total)
                writer.append(labels_of(split), np.full(used, label, np.int32))
                counts[split][name] = used
            skipped += bad
    _check(layout, counts, skipped)
    return Built(
        classes=layout.classes,
        fingerprint=digest.hexdigest(),
        counts=counts,
        skipped=tuple(skipped),
        audit=of_used(places, sketches, counts),
    )


def build_synthetic(classes: tuple[str, ...], limit: Limit, size: ImageSize, writer: Writer, tell: Tell) -> Built:
    """Draw images of `classes` into the same arrays as `build_real`."""
    wanted = synthetic.counts(limit)
    total, done = count_synthetic(classes, limit), 0
    for number, split in enumerate(SPLITS):
        for texture in range(len(classes)):
            for index in range(wanted[split]):
                picture = synthetic.draw(texture, size, (0, number, texture, index))
                writer.append(images_of(split), picture[None])
                done += 1
                tell(done, total)
        writer.append(labels_of(split), np.repeat(np.arange(len(classes), dtype=np.int32), wanted[split]))
    text = f"synthetic {synthetic.VERSION} {classes} {wanted}"
    counts = {split: dict.fromkeys(classes, wanted[split]) for split in SPLITS}
    return Built(classes=classes, fingerprint=hashlib.sha256(text.encode()).hexdigest(), counts=counts)


def _decoded(
    layout: Layout, split: str, name: str, limit: int | None, read: Read, pool: ThreadPoolExecutor
) -> Iterator[tuple[str, tuple[Picture, Sketch] | str]]:
    """Decode images of one class in order until `limit` of them succeeded.

    Yields:
        The path with the picture and its sketch, or with the reason why it cannot be decoded.
    """
    waiting = list(layout.files[split][name])
    wanted = len(waiting) if limit is None else limit
    while wanted and waiting:
        chunk, waiting = waiting[: min(wanted, CHUNK)], waiting[min(wanted, CHUNK) :]
        for path, found in zip(chunk, pool.map(lambda path: _try(path, read), chunk), strict=True):
            wanted -= not isinstance(found, str)
            yield path, found


def _try(path: str, read: Read) -> tuple[Picture, Sketch] | str:
    try:
        picture = read(path)
        return picture, sketch(picture.pixels)
    except UndecodableError as error:
        return str(error)


def bad_by_folder(
    origins: Mapping[str, SplitOrigin], skipped: Sequence[SkippedFile]
) -> list[tuple[list[str], int, int]]:
    """Count undecodable files by folder, since splits that are drawn from one folder are judged together.

    Returns:
        For each folder: its splits, the number of undecodable files, and the number of all files.
    """
    found = []
    for place in dict.fromkeys(origin.folder for origin in origins.values()):
        splits = [split for split in SPLITS if origins[split].folder == place]
        bad = sum(one.split in splits for one in skipped)
        found.append((splits, bad, sum(origins[split].files for split in splits)))
    return found


def _check(layout: Layout, counts: Mapping[str, Mapping[str, int]], skipped: Sequence[SkippedFile]) -> None:
    """Raise UserError if a folder has too many undecodable files, or a class has no image in a split."""
    folder = shown(str(layout.place))
    for splits, count, there in bad_by_folder(layout.origins, skipped):
        if count > MOST_BAD * there:
            bad = [one for one in skipped if one.split in splits]
            names = ", ".join(f"{one.path} ({one.reason})" for one in bad[:3]) + (", ..." if len(bad) > 3 else "")
            raise UserError(
                f"{folder}: {count} of {there} files in {' and '.join(splits)} cannot be decoded as images, "
                f"more than {MOST_BAD:.0%}: {names}; `tlbench data check` lists all of them"
                + ("" if layout.file else ", and moves them away with --move-bad")
            )
    for split, used in counts.items():
        for name, count in used.items():
            if not count:
                raise UserError(f"{folder}: class {name!r} has no decodable image in {split}; add images or remove it")
