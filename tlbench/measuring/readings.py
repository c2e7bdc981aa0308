"""Readings of the reference workload of recent runs on this machine: how much its speed drifts between runs."""

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tlbench.core.files import write_atomically

DAYS, MOST = 30, 1000


def machine_key(identity: Mapping[str, str], versions: Mapping[str, str], device: str, workload: int) -> str:
    """Equal where readings can be compared: same machine, same software, same device, same workload."""
    text = json.dumps([dict(identity), dict(versions), device, workload], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def recent(folder: Path, key: str, now: float | None = None) -> tuple[float, ...]:
    """Seconds of each reading of the last `DAYS` days; a damaged file counts as none."""
    return tuple(seconds for _, seconds in _read(folder / f"{key}.json", time.time() if now is None else now))


def remember(folder: Path, key: str, readings: Sequence[float], now: float | None = None) -> None:
    """Add readings; the oldest beyond `MOST` are forgotten."""
    moment = time.time() if now is None else now
    file = folder / f"{key}.json"
    kept = [*_read(file, moment), *((moment, reading) for reading in readings)][-MOST:]
    write_atomically(file, json.dumps(kept).encode())


def _read(file: Path, now: float) -> list[tuple[float, float]]:
    try:
        found = [(float(moment), float(seconds)) for moment, seconds in json.loads(file.read_bytes())]
    except (OSError, ValueError, TypeError):
        return []
    return [(moment, seconds) for moment, seconds in found if moment >= now - DAYS * 86_400]
