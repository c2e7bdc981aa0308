"""The memory of this process, of the device and of a model, in bytes."""

import math
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
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
    """The resident memory of this process; None without /proc."""
    return _status("VmRSS")


def peak() -> int | None:
    """The peak resident memory of this process according to the kernel; None without /proc."""
    return _status("VmHWM")


def anonymous() -> int | None:
    """The anonymous memory of this process, without mapped files and libraries; None without /proc."""
    return _status("RssAnon")


def anonymous_peak() -> int | None:
    """A lower bound on the peak anonymous memory: the peak minus the mapped files now, which only grow."""
    most, of_files, shared = peak(), _status("RssFile"), _status("RssShmem")
    return None if most is None or of_files is None or shared is None else most - of_files - shared


@dataclass(frozen=True)
class Peaks:
    """The peak memory of a process, and of its backend on the GPU. None: unknown."""

    process: int | None = None
    device: int | None = None

    def or_those(self, other: "Peaks") -> "Peaks":
        """These peaks, or those of `other` where they are larger; what is unknown of these stays unknown."""
        return Peaks(_or_larger(self.process, other.process), _or_larger(self.device, other.device))


class PeakCounter:
    """The peaks since `forget_peak` made this. On the GPU it is the backend's counter, which JAX cannot reset."""

    def __init__(self) -> None:
        self._before = None if _reset_device_peak() else device_peak()

    def on_device(self) -> int | None:
        """The peak on the GPU; None on a CPU, and if a counter that cannot be reset is no higher than before."""
        most = device_peak()
        return None if most is None or (self._before is not None and most <= self._before) else most

    def peaks(self) -> Peaks:
        """The peaks of the process and on the GPU."""
        return Peaks(peak(), self.on_device())


def forget_peak() -> PeakCounter:
    """Reset the peaks of kernel and backend to the present memory, as far as they allow it."""
    with suppress(OSError):
        CLEAR_REFS.write_text("5")
    return PeakCounter()


def measure(
    model: keras.Model,
    slots: Sequence[keras.Variable],
    peaks: Peaks,
    start: int | None,
    along: Sequence[keras.Variable] = (),
    allocator: str | None = None,
    features: bool | None = None,
) -> Memory:
    """The memory of this process and of the state of a model.

    Args:
        model: the model.
        slots: the optimizer's variables; none if nothing was trained by gradient steps.
        peaks: the peaks.
        start: the resident memory before the model was built.
        along: variables that were trained along and are not part of the model.
        allocator: as returned by `host.allocator.keep_memory`.
        features: as in `Memory`.
    """
    return Memory(
        peak=peaks.process,
        start=start,
        device_peak=peaks.device,
        weights=_bytes(model.weights),
        gradients=_bytes([*model.trainable_weights, *along]) if slots else 0,
        optimizer=_bytes(slots),
        allocator=allocator,
        features=features,
    )


def of_opening(timer: StepTimer, timing: Timing | None, start: int | None) -> Opened:
    """Make the first calls of a step, and measure their time and memory, including that of model and batch.

    Args:
        timer: times the step.
        timing: the protocol of the warm-up, as for `StepTimer.open`.
        start: the anonymous memory before the model was built.
    """
    counter = forget_peak()
    opened, most = timer.open(timing), anonymous_peak()
    own = None if start is None or most is None else most - start
    return opened.model_copy(update={"memory": own, "device_memory": counter.on_device()})


def device_peak() -> int | None:
    """The peak of the backend's GPU memory since its counter was reset; None on a CPU."""
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
    """Reset the backend's counter, and return whether that is possible."""
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


def _or_larger(one: int | None, other: int | None) -> int | None:
    return one if one is None or other is None else max(one, other)


def _status(field: str) -> int | None:
    if not STATUS.exists():
        return None
    for line in STATUS.read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    return None
