"""What NVIDIA's driver says of the GPU this process uses. Needs the optional package nvidia-ml-py; without it, nothing.

Asking the driver touches no context on the device: a process that asks can still be forked.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from tlbench.host.shares import VISIBLE
from tlbench.results.measured import GpuState

Answer = TypeVar("Answer")
HELD_BACK = {
    "nvmlClocksThrottleReasonSwPowerCap": "power limit",
    "nvmlClocksThrottleReasonHwSlowdown": "hardware slowdown",
    "nvmlClocksThrottleReasonHwThermalSlowdown": "heat",
    "nvmlClocksThrottleReasonSwThermalSlowdown": "heat",
    "nvmlClocksThrottleReasonHwPowerBrakeSlowdown": "power brake",
    "nvmlClocksThrottleReasonApplicationsClocksSetting": "clocks set by hand",
}
"""Why a driver lowers the clock of a GPU that has work; that it is idle is none of them."""


def identity() -> dict[str, str]:
    """Driver version and memory of the GPU, which identify it beside its name."""
    found = _ask(
        lambda nvml, gpu: {
            "gpu_driver": _text(nvml.nvmlSystemGetDriverVersion()),
            "gpu_memory_gib": f"{nvml.nvmlDeviceGetMemoryInfo(gpu).total / 2**30:.0f}",
        }
    )
    return found or {}


def volatile() -> dict[str, str]:
    """Clock, temperature, load and the number of processes on the GPU, which drift."""
    found = _ask(
        lambda nvml, gpu: {
            "gpu_clock_mhz": str(nvml.nvmlDeviceGetClockInfo(gpu, nvml.NVML_CLOCK_SM)),
            "gpu_temperature": str(nvml.nvmlDeviceGetTemperature(gpu, nvml.NVML_TEMPERATURE_GPU)),
            "gpu_load_percent": str(nvml.nvmlDeviceGetUtilizationRates(gpu).gpu),
            "gpu_processes": str(len(nvml.nvmlDeviceGetComputeRunningProcesses(gpu))),
        }
    )
    return found or {}


def state() -> GpuState | None:
    """Clock, temperature, power and what holds the clock back, at this moment; None where nobody says."""
    return _ask(
        lambda nvml, gpu: GpuState(
            clock=nvml.nvmlDeviceGetClockInfo(gpu, nvml.NVML_CLOCK_SM),
            temperature=nvml.nvmlDeviceGetTemperature(gpu, nvml.NVML_TEMPERATURE_GPU),
            watts=nvml.nvmlDeviceGetPowerUsage(gpu) / 1000,
            held_back=_reasons(nvml, nvml.nvmlDeviceGetCurrentClocksThrottleReasons(gpu)),
        )
    )


def free_memory() -> tuple[int, int] | None:
    """Bytes of the GPU's memory that are free, and that there are; None where nobody says."""

    def question(nvml: Any, gpu: Any) -> tuple[int, int]:
        memory = nvml.nvmlDeviceGetMemoryInfo(gpu)
        return int(memory.free), int(memory.total)

    return _ask(question)


def _reasons(nvml: Any, bits: int) -> tuple[str, ...]:
    held = (said for name, said in HELD_BACK.items() if bits & getattr(nvml, name, 0))
    return tuple(dict.fromkeys(held))


def _ask(question: Callable[[Any, Any], Answer]) -> Answer | None:
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()  # counted by the library: a second call costs microseconds
        return question(pynvml, _first(pynvml, os.environ))
    except (pynvml.NVMLError, ValueError):  # no driver, one that does not say, or a GPU that is none of its own
        return None


def _first(nvml: Any, environment: Mapping[str, str]) -> Any:
    """The first GPU that this process may use, by its number or by its long name."""
    name = environment.get(VISIBLE, "0").split(",")[0].strip()
    return (
        nvml.nvmlDeviceGetHandleByUUID(name) if name.startswith("GPU-") else nvml.nvmlDeviceGetHandleByIndex(int(name))
    )


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
