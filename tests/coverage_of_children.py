"""A plugin of coverage: a child is given the time to write down which lines it ran before it is killed.

tlbench kills a child as soon as its answer is there, since nothing is left to save; under coverage something is.
"""

import os
import signal
import time
from typing import Any

LEAVING, SAVING = 1.0, 5.0
"""Seconds for a child to end by itself, then, after SIGTERM, on which coverage saves, to end."""

_killpg = os.killpg


def _kill_when_saved(group: int, number: int) -> None:
    if number != signal.SIGTERM:
        _killpg(group, number)
        return
    _wait(group, LEAVING)
    _killpg(group, number)
    _wait(group, SAVING)


def _wait(group: int, seconds: float) -> None:
    """Until no process of the group is left, or time is over."""
    deadline = time.monotonic() + seconds
    try:
        while time.monotonic() < deadline:
            _killpg(group, 0)
            time.sleep(0.01)
    except ProcessLookupError:
        return


def coverage_init(registry: Any, options: dict[str, Any]) -> None:
    """Called by coverage in every process that it measures."""
    del registry, options
    patched: Any = os
    patched.killpg = _kill_when_saved
