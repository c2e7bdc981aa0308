"""Files that are there whole or not at all."""

import os
import re
import sys
import tempfile
from pathlib import Path

DESCRIPTOR = re.compile(r"/dev/(?:(stdout|stderr)|fd/(\d+))")


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
        if isinstance(error, OSError) and error.filename is None:
            error.filename = str(path)  # a full disk names no file by itself
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
