"""What this process may use of the machine."""

import os
import sys
import threading

import psutil

from tlbench.host import cgroups, shares

ROOM_FOR_TWO = 8 * 2**30
"""Free memory in bytes that two cells need to train side by side."""
MOST_BUILDERS = 8
"""Largest number of models that are built at the same time."""
BEHIND = 5
"""Increase in niceness, which leaves a thread a third of the time of another one on the same core (sched(7))."""


def usable_cores() -> int:
    """The number of threads that can run at the same time: the allowed cores, or the container's quota if that is
    lower.
    """
    allowed, quota = allowed_cores(), cgroups.cpu_quota()
    return allowed if quota is None else min(allowed, cgroups.whole_processors(quota))


def allowed_cores() -> int:
    """The number of logical cores that this process may run on, ignoring quotas."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def give_way() -> None:
    """Lower the priority of this thread for as long as it lives. Only Linux has a niceness per thread."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + BEHIND)


def memory_limit() -> int:
    """Memory of the machine in bytes, or the container's limit if that is less."""
    total, limited = int(psutil.virtual_memory().total), cgroups.memory()
    return total if limited is None else min(total, limited[0])


def available_memory() -> int:
    """Memory in bytes that can be allocated without swapping or exceeding the container's limit."""
    available, limited = int(psutil.virtual_memory().available), cgroups.memory()
    return available if limited is None else max(0, min(available, limited[0] - limited[1]))


def builders() -> int:
    """How many models for a GPU may be built for timing at the same time; compiling one keeps a core or two busy."""
    return max(1, min(MOST_BUILDERS, usable_cores() // 2))


def side_by_side() -> int:
    """How many cells may train at the same time: two if cores and memory allow, because building a graph uses one core.

    One if there is a GPU, which they would share.
    """
    roomy = usable_cores() >= 2 and available_memory() >= ROOM_FOR_TWO
    return 2 if roomy and not shares.gpus() else 1
