"""How this process keeps memory that it has freed, and what its work costs the kernel.

A training step frees and asks for again up to a gigabyte. glibc gives large blocks back to the system at once; each
page of the next step is then a page fault, in which the kernel clears it. A process that does nothing but train may
as well keep them: `man 3 mallopt`.
"""

import ctypes
import os
import resource
from collections.abc import Mapping

from tlbench.results.measured import Usage

TRIM_THRESHOLD, TOP_PAD, MMAP_MAX, ARENA_MAX = -1, -2, -4, -8
"""Parameters as in glibc's malloc.h."""
KEEP = {
    "mmap_max": (MMAP_MAX, 0),
    "trim_threshold": (TRIM_THRESHOLD, 2**31 - 1),
    "top_pad": (TOP_PAD, 64 * 2**20),
    "arena_max": (ARENA_MAX, 1),
}
"""Large blocks lie in the one heap, which never shrinks and grows by 64 MiB at least."""
THEIRS = ("MALLOC_", "GLIBC_TUNABLES", "LD_PRELOAD")
"""Variables by which somebody has chosen an allocator, or how it works."""


def keep_memory(environment: Mapping[str, str] = os.environ) -> str | None:
    """Keep what is freed from now on, in this process and for good; says how, or None where nothing was changed.

    Nothing is where the C library is not glibc, or somebody chose otherwise in `environment`.
    """
    if any(name.startswith(THEIRS) for name in environment):
        return None
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        return None
    done = [name for name, (parameter, value) in KEEP.items() if library.mallopt(parameter, value)]
    return "glibc: " + ", ".join(f"{name}={KEEP[name][1]}" for name in done) if done else None


def usage() -> Usage:
    """What this process has cost so far, all its threads together."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return Usage(user=used.ru_utime, system=used.ru_stime, faults=used.ru_minflt)
