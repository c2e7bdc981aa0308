"""The machine divided among workers that train side by side: a GPU each, or a part of the cores."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from threadpoolctl import threadpool_limits

VISIBLE = "CUDA_VISIBLE_DEVICES"
"""TensorFlow, JAX and torch all go by it, when they first look for a GPU."""
THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
DEVICES = Path("/dev")
ON_WINDOWS = Path("/usr/lib/wsl/lib/libcuda.so.1")
"""NVIDIA's driver in Linux on Windows (WSL 2), where cards have no device files of their own."""


@dataclass(frozen=True)
class Share:
    """What one worker may use. gpu: as in `VISIBLE`; None where there is none. cores: numbers of logical cores; empty
    for all of them. threads: of libraries, where no cores are named.
    """

    gpu: str | None = None
    cores: tuple[int, ...] = ()
    threads: int | None = None

    def take(self) -> None:
        """Keep this process to it. The framework may be imported, but must have run nothing yet."""
        if self.gpu is not None:
            os.environ[VISIBLE] = self.gpu
        if self.cores and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, self.cores)
            threadpool_limits(len(self.cores))  # pools that libraries made when they were imported; others go by cores
        elif self.threads:
            os.environ.update(dict.fromkeys(THREADS, str(self.threads)))
            threadpool_limits(self.threads)


def shares(workers: int, cores: Sequence[int], gpus: Sequence[str]) -> tuple[Share, ...]:
    """Equal parts for `workers`, neighbouring cores together; what there is too little of is shared in turn."""
    found, most = [], len(cores)
    for place in range(workers):
        own = cores[place * most // workers : (place + 1) * most // workers] or cores[place % max(1, most) :][:1]
        found.append(Share(gpus[place % len(gpus)] if gpus else None, tuple(own)))
    return tuple(found)


def cores() -> tuple[int, ...]:
    """The logical cores that this process may run on; empty where the system does not say."""
    return tuple(sorted(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else ()


def gpus(
    environment: Mapping[str, str] = os.environ, devices: Path = DEVICES, on_windows: Path = ON_WINDOWS
) -> tuple[str, ...]:
    """NVIDIA's GPUs that this process may use, as in `VISIBLE`: those that it names, else as many as there are.

    CUDA numbers from 0 what it finds. Device files have the numbers of the whole machine: a container that was given
    two of eight cards may have ``nvidia2`` and ``nvidia5``.
    """
    if VISIBLE in environment:
        named = (name.strip() for name in environment[VISIBLE].split(","))
        return tuple(takewhile(lambda name: name not in ("", "-1"), named))  # CUDA sees none behind one that is none
    files = sum(path.name.removeprefix("nvidia").isdecimal() for path in devices.glob("nvidia*"))
    return tuple(map(str, range(files or on_windows.exists())))
