"""Limits of the control groups (version 1 or 2) of this process, and of all groups above them.

Sources: docs.kernel.org, cgroup-v2 ("CPU Interface Files", "Memory Interface Files"), sched-bwc, cgroup-v1/memory.
"""

import math
from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/")
UNLIMITED = 2**60
"""Memory limits of at least this mean none: version 1 reports the largest multiple of the page size below 2^63."""


def cpu_quota(root: Path = ROOT) -> float | None:
    """The lowest CPU quota of all groups, in cores; None if there is none.

    Args:
        root: the root of the file system, with ``proc/self/cgroup`` and ``sys/fs/cgroup``.
    """
    quotas = []
    for folder in _groups(root, "cpu"):
        words = _words(folder / "cpu.max") or [
            *_words(folder / "cpu.cfs_quota_us"),
            *_words(folder / "cpu.cfs_period_us"),
        ]
        if len(words) == 2 and all(word.isdigit() and int(word) for word in words):  # max or -1: no quota
            quotas.append(int(words[0]) / int(words[1]))
    return min(quotas, default=None)


def whole_processors(quota: float) -> int:
    """The number of threads that a quota lets run without throttling: its integer part, at least 1."""
    return max(1, math.floor(quota + 1e-9))


def memory(root: Path = ROOT) -> tuple[int, int] | None:
    """The memory limit that leaves the least free memory.

    Page cache that the kernel can drop does not count as used.

    Args:
        root: the root of the file system.

    Returns:
        The limit and the memory in use, in bytes; None if there is no limit.
    """
    limits = []
    for folder in _groups(root, "memory"):
        limit, used = _number(folder, "memory.max", "memory.limit_in_bytes"), _used(folder)
        if limit is not None and limit < UNLIMITED:
            limits.append((limit, used or 0))
    return min(limits, key=lambda pair: pair[0] - pair[1], default=None)


def killed_for_memory(root: Path = ROOT) -> int | None:
    """How often the kernel killed a process of these groups because memory ran out; None if it does not report that."""
    counts = [
        int(count)
        for folder in _groups(root, "memory")
        for file in ("memory.events", "memory.oom_control")
        for name, _, count in (line.partition(" ") for line in _text(folder / file).splitlines())
        if name == "oom_kill" and count.strip().isdigit()
    ]
    return max(counts, default=None)


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """The folders of this process's group for a controller and of the groups above it, as far as they are visible."""
    mount = root / "sys/fs/cgroup"
    for line in _text(root / "proc/self/cgroup").splitlines():
        number, controllers, path = line.split(":", 2)
        if number == "0" and not controllers:
            tops = [mount / "unified", mount]
        elif controller in controllers.split(","):
            tops = [mount / controllers, mount / controller]
        else:
            continue
        for top in tops:
            if top.is_dir():
                inner = [part for part in path.split("/") if part not in {"", ".."}]
                yield from (top.joinpath(*inner[:depth]) for depth in range(len(inner), -1, -1))
                break


def _used(folder: Path) -> int | None:
    """The memory in use in bytes, without inactive page cache."""
    used = _number(folder, "memory.current", "memory.usage_in_bytes")
    dropped = [
        int(count)
        for name, _, count in (line.partition(" ") for line in _text(folder / "memory.stat").splitlines())
        if name in {"inactive_file", "total_inactive_file"} and count.isdigit()
    ]
    return None if used is None else max(0, used - max(dropped, default=0))


def _number(folder: Path, *names: str) -> int | None:
    """The integer in the first of these files that has one."""
    for name in names:
        words = _words(folder / name)
        if len(words) == 1 and words[0].isdigit():
            return int(words[0])
    return None


def _words(file: Path) -> list[str]:
    return _text(file).split()


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, ValueError):
        return ""
