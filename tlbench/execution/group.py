"""Process groups: a child and all it started end together, and not later than the parent of the child."""

import fcntl
import os
import signal
import time
from multiprocessing.connection import Connection

import psutil

GRACE = 1.0
"""Seconds between SIGTERM, on which a process may tidy up, and SIGKILL."""
NOTICED = 0.01


def lead(lifeline: Connection) -> None:
    """Make this process the first of a session and a group of its own, which the end of `lifeline` kills.

    The kernel does that (fcntl(2), F_SETSIG), also while a library holds the interpreter. Elsewhere than on Linux who
    listens to the parent notices its end (`child.Channel`).
    """
    os.setsid()
    if hasattr(fcntl, "F_SETSIG"):
        end = lifeline.fileno()
        fcntl.fcntl(end, fcntl.F_SETOWN, -os.getpid())
        fcntl.fcntl(end, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(end, fcntl.F_SETFL, fcntl.fcntl(end, fcntl.F_GETFL) | os.O_ASYNC)
    if lifeline.poll():  # nothing is ever sent: the parent was gone before
        kill_own()


def kill_own() -> None:
    """Kill this process and all of its group."""
    os.killpg(os.getpgid(0), signal.SIGKILL)


def end(leader: int) -> None:
    """End the group that `leader` leads, or led: SIGTERM, then SIGKILL for what is left. None is left that runs."""
    if not _send(leader, signal.SIGTERM):
        return
    deadline = time.monotonic() + GRACE
    while time.monotonic() < deadline and _runs(leader):
        time.sleep(NOTICED)
    _send(leader, signal.SIGKILL)


def kill(leader: int) -> None:
    """Kill the group that `leader` leads."""
    _send(leader, signal.SIGKILL)


def memory(leader: int) -> int:
    """Bytes of memory that a process and its descendants have for themselves; pages of mapped files do not count."""
    try:
        first = psutil.Process(leader)
        return sum(_own(process) for process in (first, *first.children(recursive=True)))
    except psutil.Error:
        return 0


def _own(process: psutil.Process) -> int:
    try:
        info = process.memory_info()
    except psutil.Error:
        return 0
    return int(info.rss - getattr(info, "shared", 0))


def _send(leader: int, number: int) -> bool:
    try:
        os.killpg(leader, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _runs(leader: int) -> bool:
    return _send(leader, 0)
