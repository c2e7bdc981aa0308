"""Who writes into the folder of a run: one process at a time, which says in a file who it is."""

import errno
import fcntl
import json
import os
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from tlbench.core.errors import UserError, argument

OWNER_FILE = "owner.lock"
WITHOUT_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS}
"""What a file system says that has no locks: nobody can be kept out there."""


class OwnedError(UserError):
    """Another process writes into the folder."""


class Owner:
    """Makes this process the one that writes into `folder`, made where it is absent, until the ``with`` is left.

    The lock ends with its process, however that ends: what a killed one left in the file holds nobody up. Raises
    OwnedError where another process, or another run of this one, writes there.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / OWNER_FILE
        while True:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
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

    def _is_still_there(self) -> bool:
        """Whether the file is not that of an owner who has just removed it."""
        try:
            return os.path.samestat(os.fstat(self._descriptor), self._path.stat())
        except FileNotFoundError:
            return False


def _named(content: bytes) -> str:
    try:
        said = json.loads(content)
        return f"process {said['pid']} on {said['host']}, since {said['since']}"
    except (ValueError, KeyError, TypeError):
        return "a process that has not said its name yet"
