"""Process groups: a child ends with all processes that it started, and no later than its parent."""

import fcntl
import os
import signal
import time
from multiprocessing.connection import Connection

import psutil

GRACE = 1.0
"""Seconds between SIGTERM, which lets a process tidy up, and SIGKILL."""
NOTICED = 0.01
"""Seconds between two checks whether a group still runs."""


def lead(lifeline: Connection) -> None:
    """Make this process the leader of a session and group of its own, which is killed when `lifeline` closes.

    On Linux the kernel sends the signal (fcntl(2), F_SETSIG), even while a library holds the interpreter. Elsewhere the
    thread of `conversation.Channel` notices the end of the parent.
    """
    os.setsid()
    if hasattr(fcntl, "F_SETSIG"):
        end = lifeline.fileno()
        fcntl.fcntl(end, fcntl.F_SETOWN, -os.getpid())
        fcntl.fcntl(end, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(end, fcntl.F_SETFL, fcntl.fcntl(end, fcntl.F_GETFL) | os.O_ASYNC)
    if lifeline.poll():  # nothing is ever sent, so this is the end of a parent that is gone already
        kill_own()


def kill_own() -> None:
    """Kill this process and its group."""
    os.killpg(os.getpgid(0), signal.SIGKILL)


def end(leader: int) -> None:
    """End the group of `leader`, also if only its descendants are left: SIGTERM, then SIGKILL after `GRACE`."""
    if not _send(leader, signal.SIGTERM):
        return
    deadline = time.monotonic() + GRACE
    while time.monotonic() < deadline and _runs(leader):
        time.sleep(NOTICED)
    _send(leader, signal.SIGKILL)


def kill(leader: int) -> None:
    """Kill the group of `leader`."""
    _send(leader, signal.SIGKILL)


def memory(leader: int) -> int:
    """Private memory of a process and its descendants in bytes: resident, without shared pages and mapped files."""
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
