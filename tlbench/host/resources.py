"""What this process may use of the machine."""

import os
import sys
import threading

import psutil

from tlbench.host import cgroups, shares

ROOM_FOR_TWO = 8 * 2**30
MOST_BUILDERS = 8
BEHIND = 5
"""Steps of niceness: a thread gets a third of what another gets that wants the same core (sched(7))."""


def usable_cores() -> int:
    """Threads that can run at once: the cores this process may run on, or its container's quota where that is less."""
    allowed, quota = allowed_cores(), cgroups.cpu_quota()
    return allowed if quota is None else min(allowed, cgroups.whole_processors(quota))


def allowed_cores() -> int:
    """Logical cores this process may run on, whatever its quota of their time."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def give_way() -> None:
    """Put this thread behind others that want its core, for as long as it lives. Only Linux has niceness of threads."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + BEHIND)


def memory_limit() -> int:
    """Bytes of memory there are for this process: the machine's, or its container's where that is less."""
    total, limited = int(psutil.virtual_memory().total), cgroups.memory()
    return total if limited is None else min(total, limited[0])


def available_memory() -> int:
    """Bytes that can still be had without swapping, the container's limit kept in mind."""
    available, limited = int(psutil.virtual_memory().available), cgroups.memory()
    return available if limited is None else max(0, min(available, limited[0] - limited[1]))


def builders() -> int:
    """How many models for a GPU may be built at once to be timed: compiling one keeps a core or two busy."""
    return max(1, min(MOST_BUILDERS, usable_cores() // 2))


def side_by_side() -> int:
    """How many cells may train at once: two where there is room, since building a graph keeps one core busy.

    One where there is a GPU, which they would share.
    """
    roomy = usable_cores() >= 2 and available_memory() >= ROOM_FOR_TWO
    return 2 if roomy and not shares.gpus() else 1
