"""Keep freed memory in the process, and measure the resource usage of the process.

A training step frees and reallocates up to a gigabyte. glibc returns large blocks to the system at once, so that every
page of the next step causes a page fault, in which the kernel clears it. A process that only trains can keep them; see
`man 3 mallopt`.
"""

import ctypes
import os
import resource
from collections.abc import Mapping

from tlbench.results.measured import Usage

TRIM_THRESHOLD, TOP_PAD, MMAP_MAX, ARENA_MAX = -1, -2, -4, -8
"""Parameters of mallopt as in glibc's malloc.h."""
KEEP = {
    "mmap_max": (MMAP_MAX, 0),
    "trim_threshold": (TRIM_THRESHOLD, 2**31 - 1),
    "top_pad": (TOP_PAD, 64 * 2**20),
    "arena_max": (ARENA_MAX, 1),
}
"""Settings by which large blocks come from a single heap that never shrinks and grows by at least 64 MiB."""
THEIRS = ("MALLOC_", "GLIBC_TUNABLES", "LD_PRELOAD")
"""Prefixes of environment variables with which a user chooses or configures an allocator."""


def keep_memory(environment: Mapping[str, str] = os.environ) -> str | None:
    """Make this process keep the memory that it frees from now on.

    Nothing changes if the C library is not glibc, or if `environment` chooses an allocator.

    Returns:
        The settings in words; None if nothing was changed.
    """
    if any(name.startswith(THEIRS) for name in environment):
        return None
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        return None
    done = [name for name, (parameter, value) in KEEP.items() if library.mallopt(parameter, value)]
    return "glibc: " + ", ".join(f"{name}={KEEP[name][1]}" for name in done) if done else None


def usage() -> Usage:
    """The resource usage of this process so far, over all threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return Usage(user=used.ru_utime, system=used.ru_stime, faults=used.ru_minflt)
