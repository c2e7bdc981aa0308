"""List the files and folders of a data set, and everything that is not read, with the reason."""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from tlbench.core.errors import UserError
from tlbench.datasets.names import shown, why_never
from tlbench.results.images import SkippedFile

LeftOut = list[SkippedFile]
BESIDE = "folder beside the splits"
"""Reason for a folder that lies beside the folders of the splits."""


@dataclass
class Listed:
    """The folders and files directly in a folder, by name in order, including links to them."""

    folders: dict[str, Path] = field(default_factory=dict)
    files: dict[str, Path] = field(default_factory=dict)


def leave_out(path: Path, root: Path, reason: str, *, folder: bool = False) -> SkippedFile:
    """Describe an entry that is not read.

    Args:
        path: the entry.
        root: the data set's folder.
        reason: why it is not read, in a few words.
        folder: it is a folder; its path is then shown with a slash at the end and stands for everything in it.
    """
    return SkippedFile(split="", path=shown(path.relative_to(root).as_posix()) + "/" * folder, reason=reason)


def look(folder: Path, root: Path, left_out: LeftOut) -> Listed:
    """List what is directly in a folder.

    Args:
        folder: `root` or a folder below it.
        root: the data set's folder.
        left_out: receives the entries that are not read.

    Raises:
        UserError: `folder` cannot be read.
    """
    try:
        return _listed(folder, root, left_out)
    except OSError as error:
        raise UserError(f"{shown(str(folder))} cannot be read: {_words(error)}; {_way_out(error)}") from error


def peek(folder: Path, most: int = 64) -> Listed:
    """List at most `most` entries of a folder, to recognize its kind; nothing if it cannot be read."""
    listed = Listed()
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in sorted(islice(entries, most), key=lambda entry: entry.name):
            if not entry.name.startswith("."):
                (listed.folders if entry.is_dir() else listed.files)[entry.name] = folder / entry.name
    return listed


def files_below(folder: Path, root: Path, left_out: LeftOut) -> list[str]:
    """List all files at any depth below a class's folder. Linked folders are followed, each once.

    Args:
        folder: the class's folder.
        root: the data set's folder.
        left_out: receives the entries that are not read, and folders below `folder` that cannot be read.

    Returns:
        Paths relative to `root`.

    Raises:
        UserError: `folder` itself cannot be read.
    """
    found: list[str] = []
    folders, links, seen = [folder], list[Path](), set[tuple[int, int]]()
    while folders or links:
        here = folders.pop() if folders else links.pop(0)  # links last, so that a folder is read under its own name
        if here == folder:
            listed = look(here, root, left_out)
        else:
            try:
                listed = Listed() if _identity(here) in seen else _listed(here, root, left_out)
            except OSError as error:
                left_out.append(leave_out(here, root, _words(error), folder=True))
                continue
            if _identity(here) in seen:
                left_out.append(leave_out(here, root, "link to a folder that was already read", folder=True))
        seen.add(_identity(here))
        found += [path.relative_to(root).as_posix() for path in listed.files.values()]
        for path in listed.folders.values():
            (links if path.is_symlink() else folders).append(path)
    return found


def _listed(folder: Path, root: Path, left_out: LeftOut) -> Listed:
    listed = Listed()
    for name, path, is_folder in _entries(folder, root, left_out):
        (listed.folders if is_folder else listed.files)[name] = path
    return listed


def _entries(folder: Path, root: Path, left_out: LeftOut) -> Iterator[tuple[str, Path, bool]]:
    """The name and path of each entry that is read, and whether it is a folder. Raises OSError."""
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries)
    for name in names:
        path = folder / name
        try:
            mode = path.stat().st_mode
        except OSError as error:
            link = f"broken link to {shown(str(path.readlink()))}" if path.is_symlink() else _words(error)
            left_out.append(leave_out(path, root, why_never(name, folder=False) or link))
            continue
        is_folder = stat.S_ISDIR(mode)
        reason = why_never(name, folder=is_folder)
        if reason is None and not (is_folder or stat.S_ISREG(mode)):
            reason = f"not a regular file but {_kind(mode)}"
        if reason is None and is_folder and path.is_symlink() and _contains(path, folder):
            reason = "link to a folder that contains it"
        if reason is None:
            yield name, path, is_folder
        else:
            left_out.append(leave_out(path, root, reason, folder=is_folder))


def _contains(link: Path, place: Path) -> bool:
    """Whether the folder that `link` points to contains `place`."""
    return place.resolve().is_relative_to(link.resolve())


def _identity(folder: Path) -> tuple[int, int]:
    """Device and inode, equal for all names of one folder."""
    status = folder.stat()
    return status.st_dev, status.st_ino


def _kind(mode: int) -> str:
    """What a file that is not regular is."""
    kinds = {stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}
    return kinds.get(stat.S_IFMT(mode), "something else")


def _words(error: OSError) -> str:
    """The reason of an error, in a few words."""
    return "permission denied" if isinstance(error, PermissionError) else (error.strerror or str(error)).lower()


def _way_out(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return "make it readable (chmod -R u+rX), or ask its owner"
    return "check that its disk is mounted"
