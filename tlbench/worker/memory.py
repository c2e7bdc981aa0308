"""Memory of this process, of the device and of a model, in bytes."""

import math
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import keras
import numpy as np

from tlbench.core.cell import Timing
from tlbench.measuring.hosts import Opened
from tlbench.measuring.steps import StepTimer
from tlbench.results.measured import Memory

STATUS, CLEAR_REFS = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def resident() -> int | None:
    """What of this process is in memory now; None where there is no /proc."""
    return _status("VmRSS")


def peak() -> int | None:
    """The kernel's high-water mark of this process, which misses no peak; None where there is no /proc."""
    return _status("VmHWM")


def anonymous() -> int | None:
    """What this process has in memory for itself: no files that are mapped, no libraries. None without /proc."""
    return _status("RssAnon")


def anonymous_peak() -> int | None:
    """The high-water mark less what of files is in memory now, which only grows: never more than the true peak."""
    parts = peak(), _status("RssFile"), _status("RssShmem")
    most, of_files, shared = parts
    return None if most is None or of_files is None or shared is None else most - of_files - shared


def forget_peak() -> None:
    """Let the kernel's high-water mark begin anew from what is resident now, where it allows that."""
    with suppress(OSError):
        CLEAR_REFS.write_text("5")


def measure(
    model: keras.Model,
    slots: Sequence[keras.Variable],
    start: int | None,
    along: Sequence[keras.Variable] = (),
    allocator: str | None = None,
) -> Memory:
    """Memory of the process so far, and of the state of `model`; `start` was resident before it was built.

    `slots` are the optimizer's variables; a model that is not trained has none. along: variables that were trained with
    the model's and are not in it: they need gradients as these do. allocator: as `host.allocator.keep_memory` says.
    """
    return Memory(
        peak=peak(),
        start=start,
        device_peak=device_peak(),
        weights=_bytes(model.weights),
        gradients=_bytes([*model.trainable_weights, *along]) if slots else 0,
        optimizer=_bytes(slots),
        allocator=allocator,
    )


def of_opening(timer: StepTimer, timing: Timing, start: int | None) -> Opened:
    """The first calls of a step, and the memory that they took, the model's and a batch's included.

    start: what was this process's own before the model was built.
    """
    forget_peak()
    opened, most = timer.open(timing), anonymous_peak()
    own = None if start is None or most is None else most - start
    return opened.model_copy(update={"memory": own, "device_memory": device_peak()})


def device_peak() -> int | None:
    """The most memory the backend held on its GPU so far; None on a CPU."""
    match keras.backend.backend():
        case "tensorflow":
            import tensorflow

            if not tensorflow.config.get_visible_devices("GPU"):
                return None
            return int(tensorflow.config.experimental.get_memory_info("GPU:0")["peak"])
        case "jax":
            import jax

            stats = jax.devices()[0].memory_stats()
            return None if stats is None else int(stats["peak_bytes_in_use"])
        case "torch":
            import torch

            return int(torch.cuda.max_memory_allocated()) if torch.cuda.is_available() else None
    return None


def _bytes(variables: Iterable[keras.Variable]) -> int:
    return sum(
        math.prod(variable.shape) * np.dtype(keras.backend.standardize_dtype(variable.dtype)).itemsize
        for variable in variables
    )


def _status(field: str) -> int | None:
    if not STATUS.exists():
        return None
    for line in STATUS.read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    return None
