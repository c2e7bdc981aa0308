"""Unpack a downloaded archive into a data set's folder without trusting its contents."""

import zipfile
from pathlib import Path, PurePosixPath

from tlbench.core.text import one_line
from tlbench.datasets.layout import in_order
from tlbench.datasets.names import SPLITS
from tlbench.datasets.spec import Archive, Source

LARGEST_FILE, LARGEST_WHOLE = 64 * 2**20, 4 * 2**30
"""Size limits in bytes, uncompressed: of one member, and of all chosen members together. They guard against zip bombs;
`zipfile` never reads more of a member than its header declares.
"""


class BadArchiveError(Exception):
    """The archive is damaged or lacks expected files. The message is one clause for the user."""


def extract(file: Path, archive: Archive, target: Path) -> None:
    """Unpack the images of each class to ``target/<split>/<class>/<file>``.

    Only regular files directly in the folders that `archive` names are taken, so no path from the archive is used as a
    path on disk. Empty files are skipped (the public cats and dogs archive has some). Files go to train, validation and
    test in the order of their names.

    Args:
        file: a zip file.
        archive: which folder of the zip file holds which class, and how many images go to each split.
        target: an existing folder.

    Raises:
        BadArchiveError: the archive is damaged, too large, has unsafe names or too few images, or `target` cannot be
            written.
    """
    try:
        with zipfile.ZipFile(file) as bundle:
            chosen = [(source, _members(bundle, source.folder)) for source in archive.sources]
            unpacked = sum(member.file_size for _, members in chosen for member in members.values())
            if unpacked > LARGEST_WHOLE:
                raise BadArchiveError(
                    f"the archive unpacks to {unpacked} bytes, more than the {LARGEST_WHOLE} expected"
                )
            for source, members in chosen:
                _write(bundle, members, source, target)
    except BadArchiveError:
        raise
    except Exception as error:  # zipfile raises many kinds of errors for damaged files
        if isinstance(error, OSError) and error.errno is not None:
            raise BadArchiveError(f"the archive cannot be unpacked ({error.strerror})") from error
        raise BadArchiveError(f"the archive is damaged ({one_line(str(error)) or type(error).__name__})") from error


def _members(bundle: zipfile.ZipFile, folder: str) -> dict[str, zipfile.ZipInfo]:
    """The images directly in `folder` of the archive, by file name."""
    members = {}
    for member in bundle.infolist():
        path = PurePosixPath(member.filename)
        if member.is_dir() or str(path.parent) != folder or path.name.startswith("."):
            continue
        if path.name in ("", "..") or "\\" in path.name or member.file_size > LARGEST_FILE:
            raise BadArchiveError(f"the archive has an unsafe member {member.filename!r}")
        if member.file_size and path.suffix.lower() in (".jpg", ".jpeg", ".png"):
            members[path.name] = member
    return members


def _write(bundle: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], source: Source, target: Path) -> None:
    order, needed = in_order(members), sum(source.counts)
    if len(order) < needed:
        raise BadArchiveError(f"the archive has {len(order)} files of class {source.label}, {needed} are needed")
    start = 0
    for split, count in zip(SPLITS, source.counts, strict=True):
        folder = target / split / source.label
        folder.mkdir(parents=True, exist_ok=True)
        for member in order[start : start + count]:
            (folder / member).write_bytes(bundle.read(members[member]))
        start += count
