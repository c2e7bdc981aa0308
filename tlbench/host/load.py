"""Measure how busy other processes keep the machine during a measurement."""

import os
import time
from dataclasses import dataclass

import psutil

from tlbench.host.resources import usable_cores


@dataclass(frozen=True)
class _Reading:
    wall: float
    busy: float
    own: float


class OtherLoad:
    """Counts CPU time since it was created. Child processes must live from then until `cores` is called."""

    def __init__(self) -> None:
        self._begin = _read()

    def cores(self) -> float | None:
        """The mean number of cores that were busy with processes other than this one and its children.

        Returns:
            None in a container with only part of the machine's cores, because the system's counters are of all cores.
        """
        if os.cpu_count() != usable_cores():
            return None
        end, begin = _read(), self._begin
        wall = end.wall - begin.wall
        return max(0.0, (end.busy - begin.busy) - (end.own - begin.own)) / wall if wall > 0 else None


def _read() -> _Reading:
    times = psutil.cpu_times()
    busy = sum(getattr(times, name, 0.0) for name in ("user", "nice", "system", "irq", "softirq", "steal"))
    return _Reading(time.monotonic(), busy, sum(_own(process) for process in _tree()))


def _tree() -> list[psutil.Process]:
    this = psutil.Process()
    return [this, *this.children(recursive=True)]


def _own(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)
