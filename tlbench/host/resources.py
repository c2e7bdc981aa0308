"""What this process may use of the machine."""

import os
from pathlib import Path

import psutil

ROOM_FOR_TWO = 8 * 2**30

CGROUP = Path("/sys/fs/cgroup")


def usable_cores() -> int:
    """Logical cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory_limit() -> int:
    """Bytes of memory there are for this process: the machine's, or its container's where that is less."""
    limit = _number(CGROUP / "memory.max")
    total = int(psutil.virtual_memory().total)
    return total if limit is None else min(total, limit)


def available_memory() -> int:
    """Bytes that can still be had without swapping, the container's limit kept in mind."""
    available = int(psutil.virtual_memory().available)
    limit, used = _number(CGROUP / "memory.max"), _number(CGROUP / "memory.current")
    return available if limit is None or used is None else min(available, limit - used)


def side_by_side() -> int:
    """How many cells may train at once: two where there is room, since building a graph keeps one core busy.

    One where there is a GPU, which they would share.
    """
    roomy = usable_cores() >= 2 and available_memory() >= ROOM_FOR_TWO
    return 2 if roomy and not Path("/dev/nvidia0").exists() else 1


def _number(file: Path) -> int | None:
    try:
        return int(file.read_text())
    except (OSError, ValueError):  # absent, or "max"
        return None
