"""List and remove cache entries: the least recently used first, and never those in use."""

import secrets
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tlbench.cache import lock
from tlbench.cache.manifest import MANIFEST

BUILDING, REMOVED = ".building-", ".removed-"
LOCK, BUILD_LOCK = ".lock", ".build.lock"
OLD = 86400.0
"""Seconds after which an unfinished entry without a lock (of an earlier version) counts as abandoned."""


@dataclass(frozen=True)
class Kept:
    """An entry, which may be damaged; `used`: when it was last used, in seconds since 1970."""

    folder: Path
    used: float
    bytes: int

    @property
    def lock(self) -> Path:
        """The file of the lock that all users of the entry share."""
        return use_lock(self.folder)


@dataclass(frozen=True)
class Removal:
    """The entries that were removed, and those that could not be because they are in use."""

    removed: tuple[Kept, ...]
    in_use: tuple[Kept, ...]

    @property
    def bytes(self) -> int:
        """The size of the removed entries in bytes."""
        return sum(entry.bytes for entry in self.removed)


def use_lock(entry: Path) -> Path:
    """The file of the lock that users of an entry share, and that its removal takes exclusively."""
    return entry.with_name(entry.name + LOCK)


def build_lock(entry: Path) -> Path:
    """The file of the lock that the builder of an entry holds."""
    return entry.with_name(entry.name + BUILD_LOCK)


def entries(folder: Path) -> list[Kept]:
    """All entries in a folder, the least recently used first."""
    kept = []
    for entry in folder.glob("[!.]*/"):
        with suppress(OSError):  # another process has removed it
            kept.append(Kept(entry, _used(entry), bytes_of(entry)))
    return sorted(kept, key=lambda entry: (entry.used, entry.folder.name))


def bytes_of(entry: Path) -> int:
    """The size of the files in a folder. Raises OSError if it is removed meanwhile."""
    return sum(file.stat().st_size for file in entry.iterdir())


def in_use(entry: Kept) -> bool:
    """Whether any process, including this one, uses an entry."""
    exclusive = lock.try_exclusive(entry.lock)
    if exclusive is not None:
        exclusive.close()
    return exclusive is None


def remove_oldest(kept: Sequence[Kept], most: int) -> Removal:
    """Remove entries until at most `most` bytes are left; `kept` is ordered by last use. Entries in use stay."""
    total, removed, used = sum(entry.bytes for entry in kept), [], []
    for entry in kept:
        if total <= most:
            break
        alone = lock.try_exclusive(entry.lock)
        if alone is None:
            used.append(entry)
            continue
        remove(entry.folder)
        alone.remove()
        removed.append(entry)
        total -= entry.bytes
    return Removal(tuple(removed), tuple(used))


def remove(entry: Path) -> None:
    """Remove an entry atomically. Processes that have it memory-mapped keep their pages."""
    aside = entry.with_name(f"{REMOVED}{entry.name}-{secrets.token_hex(4)}")
    with suppress(FileNotFoundError):
        entry.rename(aside)
    shutil.rmtree(aside, ignore_errors=True)


def remove_leftovers(folder: Path) -> int:
    """Remove entries that stopped processes left unfinished or half removed, and unused lock files.

    An unfinished entry is abandoned if the lock of its builder is free.

    Returns:
        The number of folders removed.
    """
    left = [*folder.glob(f"{REMOVED}*"), *filter(_is_left, folder.glob(f"{BUILDING}*"))]
    for target in left:
        shutil.rmtree(target, ignore_errors=True)
    for file in folder.glob(f"*{LOCK}"):
        if not (folder / file.name.removesuffix(LOCK)).exists():
            alone = lock.try_exclusive(file)
            if alone is not None:
                alone.remove()
    return len(left)


def _is_left(building: Path) -> bool:
    key, *rest = building.name.removeprefix(BUILDING).split("-", 1)
    if not rest:
        with suppress(OSError):
            return time.time() - building.stat().st_mtime > OLD
        return False
    alone = lock.try_exclusive(build_lock(building.with_name(key)))
    if alone is not None:
        alone.remove()
    return alone is not None


def _used(entry: Path) -> float:
    manifest = entry / MANIFEST
    return (manifest if manifest.exists() else entry).stat().st_mtime
