"""Limits of the control groups that this process is in, of version 1 or 2, its own and those of all groups above it.

docs.kernel.org: cgroup-v2 ("CPU Interface Files", "Memory Interface Files"), sched-bwc, cgroup-v1/memory.
"""

import math
from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/")
UNLIMITED = 2**60
"""Version 1 gives the largest number of whole pages where there is no limit of memory."""


def cpu_quota(root: Path = ROOT) -> float | None:
    """Processors' worth of time that may be used, the least of all groups' quotas; None without one.

    `root` has ``proc/self/cgroup`` and ``sys/fs/cgroup``.
    """
    quotas = []
    for folder in _groups(root, "cpu"):
        words = _words(folder / "cpu.max") or [
            *_words(folder / "cpu.cfs_quota_us"),
            *_words(folder / "cpu.cfs_period_us"),
        ]
        if len(words) == 2 and all(word.isdigit() and int(word) for word in words):  # none: max, or -1
            quotas.append(int(words[0]) / int(words[1]))
    return min(quotas, default=None)


def whole_processors(quota: float) -> int:
    """Threads that a quota lets run without being held up: its whole part, at least one."""
    return max(1, math.floor(quota + 1e-9))


def memory(root: Path = ROOT) -> tuple[int, int] | None:
    """Bytes of the group's limit that leaves least, and of those what is in use; None without a limit.

    Pages of files that the kernel drops when it needs them do not count as in use.
    """
    found = []
    for folder in _groups(root, "memory"):
        limit, used = _number(folder, "memory.max", "memory.limit_in_bytes"), _used(folder)
        if limit is not None and limit < UNLIMITED:
            found.append((limit, used or 0))
    return min(found, key=lambda one: one[0] - one[1], default=None)


def killed_for_memory(root: Path = ROOT) -> int | None:
    """How often the kernel killed a process of these groups because memory ran out; None where that is not told."""
    counts = [
        int(count)
        for folder in _groups(root, "memory")
        for file in ("memory.events", "memory.oom_control")
        for name, _, count in (line.partition(" ") for line in _text(folder / file).splitlines())
        if name == "oom_kill" and count.strip().isdigit()
    ]
    return max(counts, default=None)


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """The folders of this process's group for a controller, and of those above it, as far as they are visible here."""
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
    used = _number(folder, "memory.current", "memory.usage_in_bytes")
    dropped = [
        int(count)
        for name, _, count in (line.partition(" ") for line in _text(folder / "memory.stat").splitlines())
        if name in {"inactive_file", "total_inactive_file"} and count.isdigit()
    ]
    return None if used is None else max(0, used - max(dropped, default=0))


def _number(folder: Path, *names: str) -> int | None:
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
