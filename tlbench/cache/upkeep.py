"""What is in a folder of the cache, and removing it: the least recently used first, and never what is in use."""

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
"""Seconds after which a half-made entry that has no lock, of an earlier version, counts as left behind."""


@dataclass(frozen=True)
class Kept:
    """An entry, good or bad. used: when it was used last, in seconds since 1970."""

    folder: Path
    used: float
    bytes: int

    @property
    def lock(self) -> Path:
        """The file whose lock everybody shares who uses the entry."""
        return use_lock(self.folder)


@dataclass(frozen=True)
class Removal:
    """What was removed, and what was to be removed but is in use."""

    removed: tuple[Kept, ...]
    in_use: tuple[Kept, ...]

    @property
    def bytes(self) -> int:
        """Bytes that were removed."""
        return sum(entry.bytes for entry in self.removed)


def use_lock(entry: Path) -> Path:
    """Shared by all who use an entry, held alone by who removes it."""
    return entry.with_name(entry.name + LOCK)


def build_lock(entry: Path) -> Path:
    """Held by who builds an entry."""
    return entry.with_name(entry.name + BUILD_LOCK)


def entries(folder: Path) -> list[Kept]:
    """All entries of a folder, the least recently used first."""
    kept = []
    for entry in folder.glob("[!.]*/"):
        with suppress(OSError):  # another process has removed it
            kept.append(Kept(entry, _used(entry), bytes_of(entry)))
    return sorted(kept, key=lambda entry: (entry.used, entry.folder.name))


def bytes_of(entry: Path) -> int:
    """Bytes of the files in a folder. Raises OSError where it vanishes."""
    return sum(file.stat().st_size for file in entry.iterdir())


def in_use(entry: Kept) -> bool:
    """Whether any process, this one included, uses an entry."""
    alone = lock.try_exclusive(entry.lock)
    if alone is not None:
        alone.close()
    return alone is None


def remove_oldest(kept: Sequence[Kept], most: int) -> Removal:
    """Remove from `kept`, which is in order of use, until the rest is at most `most` bytes; what is in use stays."""
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
    """Remove an entry at once for all who look for it. Who has it mapped keeps its pages."""
    aside = entry.with_name(f"{REMOVED}{entry.name}-{secrets.token_hex(4)}")
    with suppress(FileNotFoundError):
        entry.rename(aside)
    shutil.rmtree(aside, ignore_errors=True)


def remove_leftovers(folder: Path) -> int:
    """Remove what stopped processes left half-made or half-removed, and locks of nothing; returns how many folders.

    A half-made entry is left behind where the lock of its builder is free.
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
