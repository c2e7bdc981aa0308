"""Temporary folders for the fork server's sockets and the files of children, removed even after a kill.

A process removes its folders when it ends. If it is killed, its fork server notices and removes them
(`worker/preload.py`). If both are killed, the next process that makes such a folder removes those that it finds
without a held lock.
"""

import glob
import os
import shutil
import socket
import stat
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing import util
from pathlib import Path

from tlbench.cache import lock
from tlbench.cache.lock import Lock
from tlbench.core.errors import UserError

VARIABLE = "TLBENCH_TEMPORARY"
"""Environment variable that tells the fork server the process that started it, and its folders."""
PREFIX = "tlbench-"
AFTER_SOCKETS = -200
"""Priority of a finalizer. Higher ones run first, and multiprocessing removes its own folder at -100."""
TRIES, PAUSE = 40, 0.05
"""How often `remove` tries, and the seconds between: children that are being killed may still write."""

_made: dict[tuple[int, str], str] = {}
_held: list[Lock] = []
_making = threading.Lock()


def folder(base: str) -> str:
    """The folder of this process in `base`. The first call makes it, and removes those of killed processes."""
    if base in _made.values():  # `server.surroundings` has set tempfile.tempdir to one for the moment
        return base
    key = (os.getpid(), base)  # with the pid, because a forked process makes folders of its own
    with _making:
        if key not in _made:
            _remove_left(Path(base))
            _made[key] = tempfile.mkdtemp(prefix=PREFIX, dir=base)
            util.Finalize(None, shutil.rmtree, (_made[key],), {"ignore_errors": True}, exitpriority=AFTER_SOCKETS)
            _hold(Path(_made[key]))
    return _made[key]


def inner(prefix: str) -> tempfile.TemporaryDirectory[str]:
    """A temporary folder inside this process's. Files that cannot be removed with it are removed with the latter."""
    base = folder(tempfile.gettempdir())
    return tempfile.TemporaryDirectory(prefix=prefix, dir=base, ignore_cleanup_errors=True)


def _lock_file() -> str:
    """The name of the lock file, one per machine: a shared file system may not share locks between machines."""
    return f"{socket.gethostname()}.lock"


def _hold(made: Path) -> None:
    """Hold a lock in a new folder for as long as this process lives."""
    with suppress(UserError, OSError):  # without locks the folder is never removed by another process
        held = lock.exclusive(made / "new.lock")
        _held.append(held)
        held.path.rename(made / _lock_file())  # renamed only now, so that nobody finds the file unlocked


def _remove_left(base: Path) -> None:
    """Remove folders in `base` of this user's processes on this machine that no longer hold their lock."""
    for file in base.glob(f"{PREFIX}*/{glob.escape(_lock_file())}"):
        with suppress(UserError, OSError):
            there = file.parent.lstat()
            if not stat.S_ISDIR(there.st_mode) or there.st_uid != os.geteuid():
                continue
            if (held := lock.try_exclusive(file)) is not None:
                with held:
                    shutil.rmtree(file.parent, ignore_errors=True)


def folders() -> str:
    """The value for `VARIABLE`: the id of this process, and the folders that it has made."""
    own = os.getpid()
    return os.pathsep.join([str(own), *(made for (pid, _), made in _made.items() if pid == own)])


def owner(said: str) -> int | None:
    """The id of the process in a value of `VARIABLE`; None if there is none."""
    number = said.partition(os.pathsep)[0]
    return int(number) if number.isdecimal() else None


def remove(said: str) -> None:
    """Remove the folders in a value of `VARIABLE`, of a process that has ended. Only folders of tlbench are removed."""
    _remove([path for path in map(Path, said.split(os.pathsep)[1:]) if path.name.startswith(PREFIX)])


def _remove(paths: Sequence[Path]) -> None:
    for _ in range(TRIES):
        for path in paths:
            shutil.rmtree(path, ignore_errors=True)
        if not any(path.exists() for path in paths):
            return
        time.sleep(PAUSE)
