"""Folders for what workers keep for a while; they go when this process ends, and when it is killed.

The sockets of the fork server lie in one, and the files of each child. A process that is killed removes nothing: the
fork server notices its end and does it then (`worker/preload.py`). Where both are killed, the next process that makes
such a folder removes theirs: who lives holds a lock in its own.
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
"""By which the fork server knows whose child it is, and the folders."""
PREFIX = "tlbench-"
AFTER_SOCKETS = -200
"""Finalizers run from high to low, and multiprocessing removes its own folder at -100."""
TRIES, PAUSE = 40, 0.05
"""So often `remove` looks again, and seconds between: children that are being killed may still write."""

_made: dict[tuple[int, str], str] = {}
_held: list[Lock] = []
_making = threading.Lock()


def folder(base: str) -> str:
    """The folder that this process has in `base`, made by the first call; what killed ones left there is removed."""
    if base in _made.values():  # of a thread that looks while `server.surroundings` has others' files go there
        return base
    key = (os.getpid(), base)  # a process that was forked has folders of its own
    with _making:
        if key not in _made:
            _remove_left(Path(base))
            _made[key] = tempfile.mkdtemp(prefix=PREFIX, dir=base)
            util.Finalize(None, shutil.rmtree, (_made[key],), {"ignore_errors": True}, exitpriority=AFTER_SOCKETS)
            _hold(Path(_made[key]))
    return _made[key]


def inner(prefix: str) -> tempfile.TemporaryDirectory[str]:
    """A temporary folder in this process's own. What is not let go of when it is removed stays until this one ends."""
    base = folder(tempfile.gettempdir())
    return tempfile.TemporaryDirectory(prefix=prefix, dir=base, ignore_cleanup_errors=True)


def _lock_file() -> str:
    """Of this machine: a file system that several share may keep the locks of each apart."""
    return f"{socket.gethostname()}.lock"


def _hold(made: Path) -> None:
    with suppress(UserError, OSError):  # a file system without locks: what is left there stays
        held = lock.exclusive(made / "new.lock")
        _held.append(held)
        held.path.rename(made / _lock_file())  # nobody finds it without its lock


def _remove_left(base: Path) -> None:
    for file in base.glob(f"{PREFIX}*/{glob.escape(_lock_file())}"):
        with suppress(UserError, OSError):
            there = file.parent.lstat()
            if not stat.S_ISDIR(there.st_mode) or there.st_uid != os.geteuid():
                continue
            if (held := lock.try_exclusive(file)) is not None:
                with held:
                    shutil.rmtree(file.parent, ignore_errors=True)


def folders() -> str:
    """What `VARIABLE` says: this process and all that it has made."""
    own = os.getpid()
    return os.pathsep.join([str(own), *(made for (pid, _), made in _made.items() if pid == own)])


def owner(said: str) -> int | None:
    """The process that `said` what `folders` says; None where none did."""
    number = said.partition(os.pathsep)[0]
    return int(number) if number.isdecimal() else None


def remove(said: str) -> None:
    """Remove `folders` of a process that has ended. Others' are not touched, whatever is `said`."""
    _remove([path for path in map(Path, said.split(os.pathsep)[1:]) if path.name.startswith(PREFIX)])


def _remove(paths: Sequence[Path]) -> None:
    for _ in range(TRIES):
        for path in paths:
            shutil.rmtree(path, ignore_errors=True)
        if not any(path.exists() for path in paths):
            return
        time.sleep(PAUSE)
