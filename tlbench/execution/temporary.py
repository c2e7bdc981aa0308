"""Folders for what workers keep for a while; they go when this process ends, and when it is killed.

The sockets of the fork server lie in one, and the files of each child. A process that is killed removes nothing: the
fork server notices its end and does it then (`worker/preload.py`).
"""

import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from multiprocessing import util
from pathlib import Path

VARIABLE = "TLBENCH_TEMPORARY"
"""By which the fork server knows whose child it is, and the folders."""
PREFIX = "tlbench-"
AFTER_SOCKETS = -200
"""Finalizers run from high to low, and multiprocessing removes its own folder at -100."""
TRIES, PAUSE = 40, 0.05
"""So often `remove` looks again, and seconds between: children that are being killed may still write."""

_made: dict[tuple[int, str], str] = {}


def folder(base: str) -> str:
    """The folder that this process has in `base`, made by the first call."""
    key = (os.getpid(), base)  # a process that was forked has folders of its own
    if key not in _made:
        _made[key] = tempfile.mkdtemp(prefix=PREFIX, dir=base)
        util.Finalize(None, shutil.rmtree, (_made[key],), {"ignore_errors": True}, exitpriority=AFTER_SOCKETS)
    return _made[key]


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
