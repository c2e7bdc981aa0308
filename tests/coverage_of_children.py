"""A plugin of coverage: a child is given the time to write down which lines it ran before it is killed.

tlbench kills a child as soon as its answer is there, since nothing is left to save; under coverage something is.
"""

from multiprocessing.process import BaseProcess
from typing import Any

LEAVING, SAVING = 1.0, 5.0
"""Seconds for a child to end by itself, then, after SIGTERM, on which coverage saves, to end."""

_kill = BaseProcess.kill


def _kill_when_saved(process: BaseProcess) -> None:
    process.join(LEAVING)
    if process.is_alive():
        process.terminate()
        process.join(SAVING)
    if process.is_alive():
        _kill(process)


def coverage_init(registry: Any, options: dict[str, Any]) -> None:
    """Called by coverage in every process that it measures."""
    del registry, options
    patched: Any = BaseProcess
    patched.kill = _kill_when_saved
