"""How busy other processes keep the machine while this one measures."""

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
    """Counts CPU time from its making on. Processes of this one's tree must live from then until `cores` is called."""

    def __init__(self) -> None:
        self._begin = _read()

    def cores(self) -> float | None:
        """Cores that processes outside this one's tree kept busy on average; None where that cannot be seen.

        Inside a container that has a part of the machine's cores, the system's counters speak of all of them.
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
