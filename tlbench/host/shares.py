"""Divide the machine among workers that train side by side: a GPU each, or some of the cores."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from threadpoolctl import threadpool_limits

VISIBLE = "CUDA_VISIBLE_DEVICES"
"""TensorFlow, JAX and torch read it when they first look for a GPU."""
THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
"""Environment variables with the number of threads of numerical libraries."""
DEVICES = Path("/dev")
ON_WINDOWS = Path("/usr/lib/wsl/lib/libcuda.so.1")
"""NVIDIA's driver on Linux in Windows (WSL 2), where cards have no device files."""


@dataclass(frozen=True)
class Share:
    """What a worker may use.

    Attributes:
        gpu: the value of `VISIBLE`; None if there is no GPU.
        cores: logical cores; empty for all.
        threads: the number of threads of libraries if no cores are given.
    """

    gpu: str | None = None
    cores: tuple[int, ...] = ()
    threads: int | None = None

    def take(self) -> None:
        """Restrict this process to its share. The framework may be imported, but must not have computed anything."""
        if self.gpu is not None:
            os.environ[VISIBLE] = self.gpu
        if self.cores and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, self.cores)
            threadpool_limits(
                len(self.cores)
            )  # for thread pools that exist since import; later ones follow the affinity
        elif self.threads:
            os.environ.update(dict.fromkeys(THREADS, str(self.threads)))
            threadpool_limits(self.threads)


def shares(workers: int, cores: Sequence[int], gpus: Sequence[str]) -> tuple[Share, ...]:
    """Divide cores and GPUs equally among `workers`, with adjacent cores together. Scarce ones are shared."""
    found, most = [], len(cores)
    for place in range(workers):
        own = cores[place * most // workers : (place + 1) * most // workers] or cores[place % max(1, most) :][:1]
        found.append(Share(gpus[place % len(gpus)] if gpus else None, tuple(own)))
    return tuple(found)


def cores() -> tuple[int, ...]:
    """The logical cores that this process may run on; empty if the system does not report them."""
    return tuple(sorted(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else ()


def gpus(
    environment: Mapping[str, str] = os.environ, devices: Path = DEVICES, on_windows: Path = ON_WINDOWS
) -> tuple[str, ...]:
    """NVIDIA GPUs that this process may use, as values of `VISIBLE`: those that the variable lists, else all.

    CUDA numbers the GPUs that it finds from 0, while device files have the numbers of the whole machine: a container
    with two of eight GPUs may have ``nvidia2`` and ``nvidia5``.

    Args:
        environment: environment variables.
        devices: the folder of device files.
        on_windows: a file that exists only on WSL 2.
    """
    if VISIBLE in environment:
        named = (name.strip() for name in environment[VISIBLE].split(","))
        return tuple(
            takewhile(lambda name: name not in ("", "-1"), named)
        )  # CUDA ignores everything after an invalid entry
    files = sum(path.name.removeprefix("nvidia").isdecimal() for path in devices.glob("nvidia*"))
    return tuple(map(str, range(files or on_windows.exists())))
