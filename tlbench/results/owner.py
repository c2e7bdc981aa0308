"""Ensure that only one process at a time writes into the folder of a run, and tell others which one."""

import errno
import fcntl
import json
import os
import socket
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from tlbench.core.errors import UserError, argument
from tlbench.core.json_text import parse_json

OWNER_FILE = "owner.lock"
WITHOUT_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS}
"""Errors of file systems without locks, on which nobody can be kept out."""


class OwnedError(UserError):
    """Another process writes into the folder."""


class Owner:
    """Makes this process the only writer of a folder until the ``with`` block ends.

    The folder is created if necessary, and then removed again if it has stayed empty. The lock ends with its process,
    however that ends; the file that a killed process left does not block others.

    Raises:
        OwnedError: another process, or another run in this process, writes there.
    """

    def __init__(self, folder: Path) -> None:
        self._made, self._path = not folder.exists(), folder / OWNER_FILE
        while True:
            folder.mkdir(parents=True, exist_ok=True)
            try:
                self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            except FileNotFoundError:  # another owner has just removed the folder that it had made
                continue
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = os.pread(self._descriptor, 4096, 0)
                os.close(self._descriptor)
                who = f"{folder} is being written by another run ({_named(holder)})"
                raise OwnedError(f"{who}; wait for it, or name another folder with {argument('out')}") from None
            except OSError as error:
                if error.errno not in WITHOUT_LOCKS:
                    os.close(self._descriptor)
                    raise
            if self._is_still_there():
                break
            os.close(self._descriptor)
        content = {"pid": os.getpid(), "host": socket.gethostname(), "since": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"}
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, json.dumps(content).encode(), 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._path.unlink(missing_ok=True)
        os.close(self._descriptor)
        if self._made:
            with suppress(OSError):  # it has what was made in it
                self._path.parent.rmdir()

    def _is_still_there(self) -> bool:
        """Whether the locked file is still in the folder; an owner that has just ended removes its file."""
        try:
            return os.path.samestat(os.fstat(self._descriptor), self._path.stat())
        except FileNotFoundError:
            return False


def _named(content: bytes) -> str:
    """The owner in words."""
    try:
        said = parse_json(content)
        return f"process {said['pid']} on {said['host']}, since {said['since']}"
    except (ValueError, KeyError, TypeError):
        return "a process that is just starting"
