"""Files that are there whole or not at all."""

import os
import re
import shutil
import stat
import sys
import tempfile
from pathlib import Path

DESCRIPTOR = re.compile(r"/dev/(?:(stdout|stderr)|fd/(\d+))")


class OddFileError(ValueError):
    """What is there is no regular file, or more than belongs there; the text is a clause."""


def read_file(path: Path, most: int) -> bytes:
    """The bytes of a regular file of at most `most` bytes. A pipe is not waited for, nor a device read.

    Raises OddFileError, and OSError where it is not there or may not be read.
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
    """What changes when a file is replaced or written to: its inode, size and times; empty where it is not there.

    Whoever sets a new file's time of modification back (``touch -r``, ``cp -p``, ``rsync -t``) cannot set its ctime.
    """
    try:
        status = path.stat()
    except OSError:
        return ()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def absolute(path: Path) -> Path:
    """`path` from the root, a folder by the place that it is a link to. A file that is a link stays where it is named
    (git-annex and DVC have such): beside it lies what goes with it, and not beside its target.
    """
    return path.resolve() if path.is_dir() else path.parent.resolve() / path.name


def write_atomically(path: Path, content: bytes) -> None:
    """Write `content` to `path` so that a reader, or a power cut, sees the old file or the new one.

    A temporary file in the same folder is written, flushed to the disk and renamed; the folder is flushed too.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        error.filename = str(path)  # nobody has asked for the temporary one
        raise
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            error.filename, error.filename2 = str(path), None  # a full disk names none, a rename the temporary one
        raise
    flush_folder(path.parent)


def write_output(path: Path, content: bytes) -> None:
    """Write `content` to the file that a user names, which stays what it is.

    A regular file is replaced as a whole (`write_atomically`), a link's target with it; a pipe, a terminal or another
    device is written into, as is a descriptor of this process (``/dev/stdout``).
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


def _write_into(descriptor: int, path: Path, content: bytes) -> None:
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
    except OSError as error:
        error.filename = str(path)
        raise


def link_or_copy(path: Path, target: Path) -> None:
    """Have the file `path`, which is only ever replaced as a whole, at `target` as well."""
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        try:
            aside.hardlink_to(path)
        except OSError:  # another file system, or one without such links
            shutil.copyfile(path, aside)
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)


def move_aside(path: Path, folder: Path) -> Path:
    """Move `path` into `folder` without replacing anything there; returns where it is now."""
    folder.mkdir(parents=True, exist_ok=True)
    target, number = folder / path.name, 1
    while target.exists():
        target, number = folder / f"{path.stem}.{number}{path.suffix}", number + 1
    path.rename(target)
    return target


def flush_folder(folder: Path) -> None:
    """Have the names of the files in `folder` on the disk too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
