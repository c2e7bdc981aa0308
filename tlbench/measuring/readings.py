"""Readings of the reference workload: taken between rounds, and stored to see how a machine drifts between runs."""

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from tlbench.core.files import READ_ONLY, write_atomically
from tlbench.core.json_text import parse_json
from tlbench.measuring.hosts import LostError, Pace, Participant, TimerHost
from tlbench.measuring.jobs import ReferenceJob
from tlbench.results.measured import Environment
from tlbench.results.record import Failure

DAYS, MOST = 30, 1000
"""How long readings are kept, and how many."""
ONE_READING = Pace(uncounted=0, counted=1)


class Reference:
    """A running reference workload, which may fail to start or die later; then there are no more readings.

    Args:
        host: runs the workload.
        job: its backend and device.
        timeout: the longest time for one answer, in seconds.
        log: the file for its output.
        folder: where readings are stored, for `tlbench doctor`.
        on_loss: called once if the workload is lost.
        stack: closes the workload.

    Attributes:
        peak: FLOP/s of a large matrix product, as in `Timings`.
        lost: why the workload is lost; None while it works.
    """

    def __init__(
        self,
        host: TimerHost,
        job: ReferenceJob,
        timeout: float,
        log: Path,
        folder: Path,
        on_loss: Callable[[Failure], None],
        stack: ExitStack,
    ) -> None:
        self.job, self._folder, self._on_loss = job, folder, on_loss
        self._participant: Participant | None = None
        self._machine = ""
        self.peak: dict[str, float] = {}
        self.lost: Failure | None = None
        try:
            self._participant = host.open(job, timeout, log)
        except LostError as error:
            self._lose(error)
            return
        stack.callback(self._participant.close)
        ready = self._participant.ready
        assert ready.workload is not None
        self.peak = ready.peak
        self._machine = machine_key(ready.environment, ready.device["name"], ready.workload)

    def read(self) -> float | None:
        """Take a reading, in seconds; None if the workload is lost."""
        if self.lost is not None or self._participant is None:
            return None
        try:
            return self._participant.turn(0, ONE_READING).samples[0]
        except LostError as error:
            self._lose(error)
            return None

    def keep(self, readings: Sequence[float]) -> None:
        """Store `readings` for later runs on this machine."""
        if readings:
            remember_readings(self._folder, self._machine, readings)

    def _lose(self, error: LostError) -> None:
        self.lost = error.failure
        self._on_loss(error.failure)


def machine_key(environment: Environment, device: str, workload: int) -> str:
    """A key that is the same where readings are comparable: machine, software, device and version of the workload."""
    text = json.dumps([environment.identity, environment.versions, device, workload], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def recent_readings(folder: Path, key: str, now: float | None = None) -> tuple[float, ...]:
    """The readings of the last `DAYS` days, in seconds; none if the file is damaged."""
    return tuple(seconds for _, seconds in _read(folder / f"{key}.json", time.time() if now is None else now))


def remember_readings(folder: Path, key: str, readings: Sequence[float], now: float | None = None) -> None:
    """Store readings, and drop the oldest ones beyond `MOST`. A cache that may only be read learns none."""
    moment = time.time() if now is None else now
    file = folder / f"{key}.json"
    kept = [*_read(file, moment), *((moment, reading) for reading in readings)][-MOST:]
    try:
        write_atomically(file, json.dumps(kept).encode())
    except OSError as error:
        if error.errno not in READ_ONLY:
            raise


def _read(file: Path, now: float) -> list[tuple[float, float]]:
    try:
        entries = [(float(moment), float(seconds)) for moment, seconds in parse_json(file.read_bytes())]
    except (OSError, ValueError, TypeError):
        return []
    return [(moment, seconds) for moment, seconds in entries if moment >= now - DAYS * 86_400]
