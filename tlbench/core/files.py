"""Reading files safely, and writing them atomically."""

import errno
import os
import re
import secrets
import shutil
import stat
import sys
from contextlib import suppress
from pathlib import Path

FULL_DISK = (errno.ENOSPC, errno.EDQUOT)
"""Numbers of an OSError that mean that a disk, or the user's part of it, is full."""
READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)
"""Numbers of an OSError that mean that a place may only be read."""
DESCRIPTOR = re.compile(r"/dev/(?:(stdout|stderr)|fd/(\d+))")


class OddFileError(ValueError):
    """The path is not a regular file, or the file is too large. The message is a clause."""


def read_file(path: Path, most: int) -> bytes:
    """Read a regular file of at most `most` bytes, without blocking on a pipe or reading a device.

    Raises:
        OddFileError: it is not a regular file, or larger than `most`.
        OSError: it does not exist or may not be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        there = os.fstat(descriptor)
        if not stat.S_ISREG(there.st_mode):
            raise OddFileError("it is no regular file")
        if there.st_size > most:
            raise OddFileError(f"it has more than {most // 2**20} MiB")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read()
    finally:
        os.close(descriptor)


def state_of(path: Path) -> tuple[int, ...]:
    """A fingerprint that changes when the file is replaced or written to; empty where there is no file.

    It is made of device, inode, size and times. The ctime is included because, unlike the mtime, it cannot be set back
    (``touch -r``, ``cp -p``, ``rsync -t``).
    """
    try:
        status = path.stat()
    except OSError:
        return ()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def absolute(path: Path) -> Path:
    """`path` as an absolute path. Links to folders are resolved, a link to a file is not.

    Tools such as git-annex and DVC keep files as links into a store; the files that belong to a data set lie beside
    the link, not beside its target.
    """
    return path.resolve() if path.is_dir() else path.parent.resolve() / path.name


def write_atomically(path: Path, content: bytes) -> None:
    """Write `content` to `path` so that readers see the old file or the new one, even after a power cut.

    A temporary file in the same folder is written, flushed to the disk and renamed; the folder is flushed too. The
    file has the mode of the one that it replaces, or else that which the user's umask leaves.

    Raises:
        OSError: with `path` as its file name, never that of the temporary file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".tlbench-{secrets.token_hex(8)}")  # whatever the length of the name is
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    except OSError as error:
        error.filename = str(path)
        raise
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with suppress(OSError):  # there is none, or it is another user's
            temporary.chmod(stat.S_IMODE(path.stat().st_mode))
        temporary.replace(path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            error.filename, error.filename2 = str(path), None
        raise
    flush_folder(path.parent)


def append_text(path: Path, text: str) -> None:
    """Append `text` to a file. Raises OSError with `path` as its file name."""
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        error.filename = str(path)
        raise


def write_output(path: Path, content: bytes) -> None:
    """Write `content` to a file that the user named, whatever kind of file it is.

    A regular file, or the target of a link, is replaced atomically. A pipe, a terminal, another device or a descriptor
    of this process (``/dev/stdout``) is written into.
    """
    if match := DESCRIPTOR.fullmatch(str(path)):
        number = {"stdout": 1, "stderr": 2}.get(match[1])
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        _write_into(os.dup(int(match[2]) if number is None else number), path, content)
    elif path.exists() and not path.is_file() and not path.is_dir():
        _write_into(os.open(path, os.O_WRONLY), path, content)
    else:
        write_atomically(path.resolve(), content)


def replaces(path: Path) -> bool:
    """Whether `write_output` would replace a file at `path` that has content."""
    return not DESCRIPTOR.fullmatch(str(path)) and path.is_file() and path.stat().st_size > 0


def _write_into(descriptor: int, path: Path, content: bytes) -> None:
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
    except OSError as error:
        error.filename = str(path)
        raise


def link_or_copy(path: Path, target: Path) -> None:
    """Make the file `path` available at `target` too, by a hard link where the file system allows it.

    Safe only for files that are always replaced, never written in place: both names may share their content.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        try:
            temporary.hardlink_to(path)
        except OSError:  # another file system, or one without hard links
            shutil.copyfile(path, temporary)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def move_aside(path: Path, folder: Path) -> Path:
    """Move `path` into `folder` without replacing anything there, and return its new path."""
    folder.mkdir(parents=True, exist_ok=True)
    target, number = folder / path.name, 1
    while target.exists():
        target, number = folder / f"{path.stem}.{number}{path.suffix}", number + 1
    path.rename(target)
    return target


def flush_folder(folder: Path) -> None:
    """Flush the directory entries of `folder` to the disk, so that renames in it survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
