"""Unpack a public archive into a data set's folder, trusting nothing in it."""

import zipfile
from pathlib import Path, PurePosixPath

from tlbench.core.text import one_line
from tlbench.datasets.layout import in_order
from tlbench.datasets.names import SPLITS
from tlbench.datasets.spec import Archive, Source

LARGEST_FILE, LARGEST_WHOLE = 64 * 2**20, 4 * 2**30
"""Bytes that a member, and all that are taken, unpack to at most. No more is read of one than it says that it has."""


class BadArchiveError(Exception):
    """The archive is damaged or not what it should be. The text is one clause for the user."""


def extract(file: Path, archive: Archive, target: Path) -> None:
    """Write ``target/<split>/<class>/<file>`` for the files the archive has for each class.

    Only plain files directly in the folders that `archive` names are taken, so that no path of the archive is
    ever used as a path. Files that are empty are left out (the public one has some); which file goes to which split
    is decided by the order of names. Raises BadArchiveError.
    """
    try:
        with zipfile.ZipFile(file) as bundle:
            chosen = [(source, _members(bundle, source.folder)) for source in archive.sources]
            unpacked = sum(member.file_size for _, members in chosen for member in members.values())
            if unpacked > LARGEST_WHOLE:
                raise BadArchiveError(f"the archive unpacks to {unpacked} bytes, {LARGEST_WHOLE} at most are expected")
            for source, members in chosen:
                _write(bundle, members, source, target)
    except BadArchiveError:
        raise
    except Exception as error:  # zipfile raises anything
        if isinstance(error, OSError) and error.errno is not None:
            raise BadArchiveError(f"the archive cannot be unpacked ({error.strerror})") from error
        raise BadArchiveError(f"the archive is damaged ({one_line(str(error)) or type(error).__name__})") from error


def _members(bundle: zipfile.ZipFile, folder: str) -> dict[str, zipfile.ZipInfo]:
    found = {}
    for member in bundle.infolist():
        path = PurePosixPath(member.filename)
        if member.is_dir() or str(path.parent) != folder or path.name.startswith("."):
            continue
        if path.name in ("", "..") or "\\" in path.name or member.file_size > LARGEST_FILE:
            raise BadArchiveError(f"the archive has an unsafe member {member.filename!r}")
        if member.file_size and path.suffix.lower() in (".jpg", ".jpeg", ".png"):
            found[path.name] = member
    return found


def _write(bundle: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], source: Source, target: Path) -> None:
    order, needed = in_order(members), sum(source.counts)
    if len(order) < needed:
        raise BadArchiveError(f"the archive has {len(order)} files of class {source.label}, {needed} are needed")
    begin = 0
    for split, count in zip(SPLITS, source.counts, strict=True):
        folder = target / split / source.label
        folder.mkdir(parents=True, exist_ok=True)
        for member in order[begin : begin + count]:
            (folder / member).write_bytes(bundle.read(members[member]))
        begin += count
