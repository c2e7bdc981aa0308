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
from tlbench.worker.card import torch_device

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


class OnDevice:
    """The most memory that the backend holds on its GPU from now on; JAX's counter cannot begin anew."""

    def __init__(self) -> None:
        self._before = None if _reset_device_peak() else device_peak()

    def peak(self) -> int | None:
        """In bytes; None on a CPU, and where as much was held before, since nobody knows how much it was since."""
        most = device_peak()
        return None if most is None or (self._before is not None and most <= self._before) else most


def forget_peak() -> OnDevice:
    """Let the high-water marks begin anew from what is held now, where the kernel and the backend allow that."""
    with suppress(OSError):
        CLEAR_REFS.write_text("5")
    return OnDevice()


def measure(
    model: keras.Model,
    slots: Sequence[keras.Variable],
    start: int | None,
    along: Sequence[keras.Variable] = (),
    allocator: str | None = None,
    on_device: int | None = None,
) -> Memory:
    """Memory of the process so far, and of the state of `model`; `start` was resident before it was built.

    `slots` are the optimizer's variables; a model that is not trained has none. along: variables that were trained with
    the model's and are not in it: they need gradients as these do. allocator: as `host.allocator.keep_memory` says.
    on_device: the most that was held on a GPU.
    """
    return Memory(
        peak=peak(),
        start=start,
        device_peak=on_device,
        weights=_bytes(model.weights),
        gradients=_bytes([*model.trainable_weights, *along]) if slots else 0,
        optimizer=_bytes(slots),
        allocator=allocator,
    )


def of_opening(timer: StepTimer, timing: Timing | None, start: int | None) -> Opened:
    """The first calls of a step, as `StepTimer.open`, and the memory they took, the model's and a batch's included.

    start: what was this process's own before the model was built.
    """
    on_device = forget_peak()
    opened, most = timer.open(timing), anonymous_peak()
    own = None if start is None or most is None else most - start
    return opened.model_copy(update={"memory": own, "device_memory": on_device.peak()})


def device_peak() -> int | None:
    """The most memory the backend held on its GPU since its counter began; None on a CPU."""
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

            where = torch_device()
            return int(torch.cuda.max_memory_allocated(where)) if where.type == "cuda" else None
    return None


def _reset_device_peak() -> bool:
    """Let the backend's counter begin anew, where it can; whether it did."""
    match keras.backend.backend():
        case "tensorflow":
            import tensorflow

            if tensorflow.config.get_visible_devices("GPU"):
                tensorflow.config.experimental.reset_memory_stats("GPU:0")
                return True
        case "torch" if torch_device().type == "cuda":
            import torch

            torch.cuda.reset_peak_memory_stats(torch_device())
            return True
    return False


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
