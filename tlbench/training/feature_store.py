"""Features on disk: what the fixed part of a model makes of each image, computed once and kept.

One entry for each cut, split and view. An entry is a folder with a manifest and one raw array for each tensor; it is
written elsewhere and renamed when it is whole, so that a half-written one is never read.
"""

import hashlib
import json
import os
import shutil
import tempfile
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from tlbench.core.cell import Value
from tlbench.modeling.handed import Handed

MANIFEST = "manifest.json"
VERSION = 2
PIECE = 1 << 24
FREE = 0.05
"""Share of the disk that stays free."""

Features = list[NDArray[np.generic]]


class NoRoomError(Exception):
    """The features do not fit: into the cache's bounds, or on the disk. The message is a clause for the user."""


class DamagedError(Exception):
    """An entry is not what its manifest says. The message is a clause for the user."""


class TensorFile(Value):
    """One array: its file, the shape with the number of images first, its NumPy type, and its CRC-32."""

    file: str
    shape: tuple[int, ...]
    dtype: str
    crc32: int


class Manifest(Value):
    """What an entry holds, and what it was made from."""

    version: int
    made_from: dict[str, str]
    tensors: tuple[TensorFile, ...]

    @property
    def bytes(self) -> int:
        """Bytes of all arrays."""
        return sum(int(np.prod(one.shape)) * np.dtype(one.dtype).itemsize for one in self.tensors)


@dataclass(frozen=True)
class Wanted:
    """An entry: what it is made from decides its key."""

    made_from: Mapping[str, str] = field(hash=False)
    handed: tuple[Handed, ...]
    images: int

    @property
    def key(self) -> str:
        """Changes with everything the features depend on."""
        content = json.dumps([VERSION, sorted(self.made_from.items())], separators=(",", ":"))
        return hashlib.sha256(content.encode()).hexdigest()[:24]

    @property
    def bytes(self) -> int:
        """Bytes of all arrays."""
        return self.images * sum(one.bytes for one in self.handed)


class Writer:
    """Takes features batch by batch, in the order of the images."""

    def __init__(self, wanted: Wanted, folder: Path) -> None:
        self._wanted, self._folder = wanted, folder
        self._files = [(folder / f"{n}.raw").open("wb") for n in range(len(wanted.handed))]
        self._crc, self._count = [0] * len(wanted.handed), 0

    def append(self, arrays: Sequence[NDArray[np.generic]]) -> None:
        """The features of the next images, one array (images, ...) for each tensor. Raises NoRoomError."""
        for number, (array, handed) in enumerate(zip(arrays, self._wanted.handed, strict=True)):
            content = np.ascontiguousarray(array, dtype=handed.dtype).data.cast("B")
            self._crc[number] = zlib.crc32(content, self._crc[number])
            try:
                self._files[number].write(content)
            except OSError as error:
                raise NoRoomError(f"writing features failed: {error.strerror}") from error
        self._count += len(arrays[0])

    def close(self) -> None:
        """Close the files, whatever happened."""
        for file in self._files:
            file.close()

    def finish(self) -> None:
        """Write the manifest. Raises NoRoomError, and ValueError where images are missing."""
        if self._count != self._wanted.images:
            raise ValueError(f"{self._count} of {self._wanted.images} images have features")
        tensors = tuple(
            TensorFile(file=f"{n}.raw", shape=(self._count, *one.shape), dtype=one.dtype, crc32=crc)
            for n, (one, crc) in enumerate(zip(self._wanted.handed, self._crc, strict=True))
        )
        manifest = Manifest(version=VERSION, made_from=dict(self._wanted.made_from), tensors=tensors)
        try:
            for file in self._files:
                file.flush()
                os.fsync(file.fileno())
            (self._folder / MANIFEST).write_text(manifest.model_dump_json(indent=1), encoding="utf-8")
        except OSError as error:
            raise NoRoomError(f"writing features failed: {error.strerror}") from error


class FeatureStore:
    """Entries under `folder`, of `most` bytes together; the least recently used go first."""

    def __init__(self, folder: Path, most: int) -> None:
        self._folder, self._most = folder, most

    def path(self, wanted: Wanted) -> Path:
        """Where the entry is, or would be."""
        return self._folder / wanted.key

    def has(self, wanted: Wanted) -> bool:
        """Whether there is an entry, good or bad."""
        return self.path(wanted).exists()

    @contextmanager
    def lock(self, wanted: Sequence[Wanted]) -> Iterator[None]:
        """Only one process looks for these entries, and makes them where they are missing, at a time."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            for key in sorted({one.key for one in wanted}):  # in one order, so that no two wait for each other
                stack.enter_context(FileLock(self._folder / f"{key}.lock"))
            yield

    def read(self, wanted: Wanted) -> Features | None:
        """The arrays, memory-mapped read-only; None where there is no entry.

        Raises DamagedError where sizes or checksums are not those of the manifest.
        """
        entry = self.path(wanted)
        if not entry.exists():
            return None
        manifest = read_manifest(entry)
        expected = [((wanted.images, *one.shape), one.dtype) for one in wanted.handed]
        if [(one.shape, one.dtype) for one in manifest.tensors] != expected:
            raise DamagedError("its shapes are not those of the model")
        arrays = [_map(entry, one) for one in manifest.tensors]
        os.utime(entry / MANIFEST)
        return arrays

    def fits(self, wanted: Sequence[Wanted]) -> bool:
        """Whether these entries fit, with older ones removed."""
        try:
            self._check(sum(one.bytes for one in wanted))
        except NoRoomError:
            return False
        return True

    @contextmanager
    def write(self, wanted: Sequence[Wanted]) -> Iterator[list[Writer]]:
        """Make entries together; they are there when the ``with`` ends without an error. Raises NoRoomError."""
        total = sum(one.bytes for one in wanted)
        self._check(total)
        remove_oldest(self._folder, self._most - total)
        with ExitStack() as stack:
            yield [stack.enter_context(self._writing(one)) for one in wanted]

    @contextmanager
    def _writing(self, wanted: Wanted) -> Iterator[Writer]:
        self.discard(wanted)
        target = Path(tempfile.mkdtemp(prefix=".building-", dir=self._folder))
        writer = Writer(wanted, target)
        try:
            yield writer
            writer.finish()
            writer.close()
            target.rename(self.path(wanted))
        except BaseException:
            writer.close()
            shutil.rmtree(target, ignore_errors=True)
            raise

    def discard(self, wanted: Wanted) -> None:
        """Remove an entry."""
        shutil.rmtree(self.path(wanted), ignore_errors=True)

    def _check(self, total: int) -> None:
        if total > self._most:
            raise NoRoomError(f"{size(total)} of features are more than the cache may hold ({size(self._most)})")
        self._folder.mkdir(parents=True, exist_ok=True)
        held = sum(bytes_ for _, _, bytes_ in entries(self._folder))
        disk = shutil.disk_usage(self._folder)
        free = disk.free + max(0, held + total - self._most)  # older entries go first
        if total > free - FREE * disk.total:
            raise NoRoomError(f"{size(total)} of features do not fit on the disk ({size(disk.free)} are free)")


def read_manifest(entry: Path) -> Manifest:
    """The manifest of an entry. Raises DamagedError where it cannot be read."""
    try:
        return Manifest.model_validate_json((entry / MANIFEST).read_bytes())
    except (OSError, ValueError) as error:
        raise DamagedError("its manifest cannot be read") from error


def entries(folder: Path) -> list[tuple[Path, float, int]]:
    """All whole entries with the time of their last use and their bytes, the least recently used first."""
    found = []
    for manifest in folder.glob(f"*/{MANIFEST}"):
        if manifest.parent.name.startswith("."):
            continue
        try:
            bytes_ = sum(file.stat().st_size for file in manifest.parent.iterdir())
            found.append((manifest.parent, manifest.stat().st_mtime, bytes_))
        except OSError:  # another process has removed it
            continue
    return sorted(found, key=lambda one: one[1])


def remove_oldest(folder: Path, most: int) -> list[Path]:
    """Remove the least recently used entries until the others are at most `most` bytes; returns those removed.

    A process that has one open keeps its pages until it closes them.
    """
    found, removed = entries(folder), []
    total = sum(bytes_ for _, _, bytes_ in found)
    for entry, _, bytes_ in found:
        if total <= most:
            break
        shutil.rmtree(entry, ignore_errors=True)
        removed.append(entry)
        total -= bytes_
    return removed


def remove_leftovers(folder: Path, older: float = 86400.0) -> int:
    """Remove what stopped processes left half-made and nobody has touched for `older` seconds; returns how many."""
    found = [one for one in folder.glob(".building-*") if time.time() - one.stat().st_mtime > older]
    for one in found:
        shutil.rmtree(one, ignore_errors=True)
    return len(found)


def size(count: float) -> str:
    """``812 KB``, ``3.1 GB``."""
    for unit in ("bytes", "KB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"


def _map(entry: Path, tensor: TensorFile) -> NDArray[np.generic]:
    file = entry / tensor.file
    try:
        array = np.memmap(file, np.dtype(tensor.dtype), "r", shape=tensor.shape)
    except (OSError, ValueError) as error:
        raise DamagedError(f"{tensor.file} is missing or too short") from error
    flat, crc = array.reshape(-1).view(np.uint8), 0
    for start in range(0, len(flat), PIECE):
        crc = zlib.crc32(flat[start : start + PIECE].data, crc)
    if file.stat().st_size != len(flat) or crc != tensor.crc32:
        raise DamagedError(f"{tensor.file} is not what was written")
    return array
