"""Turn image files, or the synthetic generator, into raw arrays in a folder."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from tlbench.core.cell import Limit, Value
from tlbench.core.errors import UserError
from tlbench.datasets import synthetic
from tlbench.datasets.decode import Picture, UndecodableError, decode, quiet
from tlbench.datasets.duplicates import Place, Sketch, of_used, sketch
from tlbench.datasets.layout import SPLITS, Layout
from tlbench.host.resources import usable_cores
from tlbench.results.record import SkippedFile, SplitAudit

MOST_BAD = 0.05
CHUNK = 256
PATHS = ("utf-8", "surrogateescape")
Tell = Callable[[int, int], None]


class Built(Value):
    """The manifest of arrays on disk. `sizes` are bytes by file name, `counts` images by split and class."""

    classes: tuple[str, ...]
    fingerprint: str
    counts: dict[str, dict[str, int]]
    sizes: dict[str, int]
    skipped: tuple[SkippedFile, ...] = ()
    audit: SplitAudit | None


def build_real(layout: Layout, limit: Limit, size: int, target: Path, tell: Tell) -> Built:
    """Decode the files of a layout into ``<split>.images`` and ``<split>.labels`` under `target`.

    Files are decoded by one thread a core, since Pillow lets go of Python's lock. Where a file that the limit
    takes cannot be decoded, the next in order takes its place.
    Raises UserError where more than 5 % of the files looked at in a split are no images.
    """
    limits = limit.model_dump()
    total = sum(
        min(len(files), limits[split] or len(files)) for split in SPLITS for files in layout.files[split].values()
    )
    skipped = [SkippedFile(split="", path=path, reason="file of the operating system") for path in layout.junk]
    counts: dict[str, dict[str, int]] = {}
    places: list[Place] = []
    sketches: list[Sketch] = []
    digest, done = hashlib.sha256(), 0
    with quiet(), ThreadPoolExecutor(usable_cores()) as pool:
        for split in SPLITS:
            bad: list[SkippedFile] = []
            counts[split] = {}
            with (target / f"{split}.images").open("wb") as images, (target / f"{split}.labels").open("wb") as labels:
                for label, name in enumerate(layout.classes):
                    used = 0
                    for path, found in _decoded(layout, split, name, limits[split], size, pool):
                        if isinstance(found, str):
                            bad.append(SkippedFile(split=split, path=path, reason=found))
                            continue
                        picture, drawn = found
                        images.write(picture.pixels.tobytes())
                        digest.update(f"{split}\t{name}\t{path}\t{picture.sha256}\n".encode(*PATHS))
                        places.append(Place(split, name, path))
                        sketches.append(drawn)
                        used, done = used + 1, done + 1
                        tell(done, total)
                    labels.write(np.full(used, label, np.int32).tobytes())
                    counts[split][name] = used
            _check_bad(layout, split, counts[split], bad)
            skipped += bad
    audit = of_used(places, sketches, counts)
    return _finish(target, layout.classes, digest.hexdigest(), counts, skipped, audit)


def build_synthetic(classes: tuple[str, ...], limit: Limit, size: int, target: Path, tell: Tell) -> Built:
    """Draw pictures of `classes` into the same files."""
    wanted = synthetic.counts(limit)
    total, done = sum(wanted.values()) * len(classes), 0
    for number, split in enumerate(SPLITS):
        with (target / f"{split}.images").open("wb") as images:
            for texture in range(len(classes)):
                for index in range(wanted[split]):
                    images.write(synthetic.draw(texture, size, (0, number, texture, index)).tobytes())
                    done += 1
                    tell(done, total)
        np.repeat(np.arange(len(classes), dtype=np.int32), wanted[split]).tofile(target / f"{split}.labels")
    text = f"synthetic {synthetic.VERSION} {classes} {wanted}"
    counts = {split: dict.fromkeys(classes, wanted[split]) for split in SPLITS}
    return _finish(target, classes, hashlib.sha256(text.encode()).hexdigest(), counts, [])


def _decoded(
    layout: Layout, split: str, name: str, limit: int | None, size: int, pool: ThreadPoolExecutor
) -> Iterator[tuple[str, tuple[Picture, Sketch] | str]]:
    """Pictures of one class in order until there are `limit`; for a file that is none, the reason."""
    waiting = list(layout.files[split][name])
    wanted = len(waiting) if limit is None else limit
    while wanted and waiting:
        chunk, waiting = waiting[: min(wanted, CHUNK)], waiting[min(wanted, CHUNK) :]
        for path, found in zip(chunk, pool.map(lambda path: _try(layout.folder / path, size), chunk), strict=True):
            wanted -= not isinstance(found, str)
            yield path, found


def _try(file: Path, size: int) -> tuple[Picture, Sketch] | str:
    try:
        picture = decode(file, size)
        return picture, sketch(picture.pixels)
    except UndecodableError as error:
        return str(error)


def _check_bad(layout: Layout, split: str, used: dict[str, int], bad: Sequence[SkippedFile]) -> None:
    looked = sum(used.values()) + len(bad)
    if len(bad) > MOST_BAD * looked:
        names = ", ".join(f"{one.path} ({one.reason})" for one in bad[:3]) + (", ..." if len(bad) > 3 else "")
        raise UserError(
            f"{layout.folder}: {len(bad)} of {looked} files in {split} are no images that can be decoded, more than "
            f"{MOST_BAD:.0%}: {names}; `tlbench data check` names them all"
        )
    for name, count in used.items():
        if not count:
            raise UserError(f"{layout.folder}: class {name!r} has no image in {split} that can be decoded")


def _finish(
    target: Path,
    classes: tuple[str, ...],
    fingerprint: str,
    counts: dict[str, dict[str, int]],
    skipped: list[SkippedFile],
    audit: SplitAudit | None = None,
) -> Built:
    sizes = {file.name: file.stat().st_size for file in sorted(target.iterdir())}
    return Built(
        classes=classes, fingerprint=fingerprint, counts=counts, sizes=sizes, skipped=tuple(skipped), audit=audit
    )
