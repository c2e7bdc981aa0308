"""A cache of arrays on disk: decoded images, and the outputs of frozen layers for them.

An entry is a folder named by its key, with a manifest and raw arrays. It is written under a temporary name, flushed to
the disk and renamed, so that an incomplete entry is never read. The process that builds an entry holds
``<key>.build.lock`` exclusively. Processes that use one share ``<key>.lock``. An entry in use is not removed, only
replaced if it is damaged, so no process waits for this lock.
"""

import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tlbench.cache import lock
from tlbench.cache.folders import Kind, size
from tlbench.cache.lock import Lock
from tlbench.cache.manifest import MANIFEST, DamagedError, Manifest, check_arrays, read_manifest
from tlbench.cache.upkeep import (
    BUILDING,
    build_lock,
    bytes_of,
    entries,
    in_use,
    remove,
    remove_leftovers,
    remove_oldest,
    use_lock,
)
from tlbench.cache.writer import NoRoomError, Writer
from tlbench.core.errors import UserError
from tlbench.core.files import flush_folder

FREE = 0.05
"""Share of the disk that stays free."""

Signature = tuple[tuple[int, int, int], ...]
_sound: dict[Path, Signature] = {}
"""Entries whose checksums this process has verified, with a signature that changes if their files do."""


@dataclass(frozen=True)
class Entry:
    """An entry. It counts as in use as long as this object, or one passed to `keep_for`, lives."""

    folder: Path
    manifest: Manifest
    _lock: Lock

    def arrays(self) -> list[NDArray[np.generic]]:
        """The arrays, memory-mapped read-only. The entry counts as in use as long as one of them lives."""
        mapped = [
            np.memmap(self.folder / array.name, np.dtype(array.dtype), "r", shape=array.shape)
            for array in self.manifest.arrays
        ]
        for array in mapped:
            self.keep_for(array)
        return list[NDArray[np.generic]](mapped)

    def keep_for(self, user: object) -> None:
        """Protect the entry from removal as long as the object `user` lives."""
        self._lock.keep_for(user)


class Store:
    """A cache of entries of one kind, of at most `most` bytes; the least recently used ones are removed first."""

    def __init__(self, folder: Path, kind: Kind, most: int) -> None:
        self.folder, self.most, self._kind = folder, most, kind
        self.damaged: list[str] = []
        """What was wrong with entries that had to be rebuilt."""

    def has(self, key: str) -> bool:
        """Whether the entry exists; it may be damaged."""
        return (self.folder / key).exists()

    def get(self, key: str, build: Callable[[], None], together: Sequence[str] = ()) -> Entry:
        """The verified entry `key`. Only one process at a time builds an entry; others wait for it.

        Args:
            key: the key of the entry.
            build: writes the entry if it is missing or damaged.
            together: the keys of further entries that `build` may write.

        Raises:
            UserError: the cache cannot be used. Errors of `build` are passed on.
        """
        try:
            entry = self._read(key)
        except DamagedError:  # reported in `_built`
            entry = None
        return entry or self._built(key, build, together)

    def _built(self, key: str, build: Callable[[], None], together: Sequence[str]) -> Entry:
        self._make_folder()
        remove_leftovers(self.folder)  # unfinished entries of killed processes would take up room
        with ExitStack() as stack:
            for name in sorted({key, *together}):  # in a fixed order, to avoid deadlocks
                building = lock.exclusive(build_lock(self.folder / name))
                stack.callback(building.remove)
            try:
                entry = self._read(key)
            except DamagedError as error:
                self.damaged.append(f"{key}: {error}")
                remove(self.folder / key)
                entry = None
            if entry is None:
                using = lock.shared(use_lock(self.folder / key))  # before it exists, so that nobody can remove it
                try:
                    build()
                    entry = self._open(key, using)
                except BaseException:
                    using.close()
                    raise
        return entry

    def fits(self, total: int) -> bool:
        """Whether `total` bytes fit after older entries have been removed."""
        try:
            self._check_room(total)
        except NoRoomError:
            return False
        return True

    @contextmanager
    def write(self, made_from: Mapping[str, Mapping[str, str]], total: int) -> Iterator[list[Writer]]:
        """Write entries together; they exist once the ``with`` block ends without an error. For `build` of `get`.

        Args:
            made_from: what each entry is made from, by its key.
            total: the largest size of all entries together, in bytes.

        Raises:
            NoRoomError: they do not fit.
        """
        self._make_folder()
        self._check_room(total)
        remove_oldest(entries(self.folder), self.most - total)
        with ExitStack() as stack:
            yield [stack.enter_context(self._writing(key, source)) for key, source in made_from.items()]

    @contextmanager
    def _writing(self, key: str, made_from: Mapping[str, str]) -> Iterator[Writer]:
        target = self.folder / f"{BUILDING}{key}-{secrets.token_hex(4)}"
        try:
            target.mkdir()
        except OSError as error:
            raise NoRoomError(f"writing {self._kind.name} to {self.folder} failed: {error.strerror}") from error
        try:
            with Writer(target, self._kind.name, made_from) as writer:
                yield writer
                manifest = writer.finish()
            target.rename(self.folder / key)
            flush_folder(self.folder)
        except BaseException:
            shutil.rmtree(target, ignore_errors=True)
            raise
        _sound[self.folder / key] = _signature(self.folder / key, manifest)

    def _read(self, key: str) -> Entry | None:
        if not self.has(key):
            return None
        using = lock.shared(use_lock(self.folder / key))
        if not self.has(key):  # it was removed before the lock was taken
            return None
        return self._open(key, using)

    def _open(self, key: str, using: Lock) -> Entry:
        folder = self.folder / key
        manifest = read_manifest(folder)
        if _sound.get(folder) != _signature(folder, manifest):
            check_arrays(folder, manifest)
            _sound[folder] = _signature(folder, manifest)
        with suppress(OSError):  # the entry may be read-only
            os.utime(folder / MANIFEST)
        return Entry(folder, manifest, using)

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                f"{self.folder} cannot be made ({error.strerror}); set TLBENCH_CACHE to a folder that can be written"
            ) from error

    def _check_room(self, total: int) -> None:
        name, kept = self._kind.name, entries(self.folder)
        if total > self.most:
            raise NoRoomError(f"{size(total)} of {name} are more than the cache may hold ({size(self.most)})")
        fixed = sum(entry.bytes for entry in kept if in_use(entry)) + self._half_made()
        if total > self.most - fixed:
            raise NoRoomError(
                f"{size(total)} of {name} do not fit beside those in use ({size(fixed)}): the cache may hold "
                f"{size(self.most)}"
            )
        held = sum(entry.bytes for entry in kept)
        disk = shutil.disk_usage(self.folder)
        free = disk.free + max(0, held + total - self.most)  # older entries will be removed
        if total > free - FREE * disk.total:
            raise NoRoomError(f"{size(total)} of {name} do not fit on the disk ({size(disk.free)} are free)")

    def _half_made(self) -> int:
        total = 0
        for building in self.folder.glob(f"{BUILDING}*"):
            with suppress(OSError):  # it was finished or removed meanwhile
                total += bytes_of(building)
        return total


def _signature(folder: Path, manifest: Manifest) -> Signature:
    """A fingerprint that changes when a file is written to or replaced. Raises DamagedError if one is missing."""
    try:
        status = [(folder / array.name).stat() for array in manifest.arrays]
    except OSError as error:
        raise DamagedError(f"its arrays cannot be read ({error.strerror})") from error
    return tuple((file.st_ino, file.st_size, file.st_mtime_ns) for file in status)
