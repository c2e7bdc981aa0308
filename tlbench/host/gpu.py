"""What NVIDIA's driver says of the first GPU. Needs the optional package nvidia-ml-py; without it, nothing is said."""

from collections.abc import Callable
from typing import Any


def identity() -> dict[str, str]:
    """Driver version and memory of the GPU, which identify it beside its name."""
    return _ask(
        lambda nvml, gpu: {
            "gpu_driver": _text(nvml.nvmlSystemGetDriverVersion()),
            "gpu_memory_gib": f"{nvml.nvmlDeviceGetMemoryInfo(gpu).total / 2**30:.0f}",
        }
    )


def volatile() -> dict[str, str]:
    """Clock, temperature, load and the number of processes on the GPU, which drift."""
    return _ask(
        lambda nvml, gpu: {
            "gpu_clock_mhz": str(nvml.nvmlDeviceGetClockInfo(gpu, nvml.NVML_CLOCK_SM)),
            "gpu_temperature": str(nvml.nvmlDeviceGetTemperature(gpu, nvml.NVML_TEMPERATURE_GPU)),
            "gpu_load_percent": str(nvml.nvmlDeviceGetUtilizationRates(gpu).gpu),
            "gpu_processes": str(len(nvml.nvmlDeviceGetComputeRunningProcesses(gpu))),
        }
    )


def _ask(question: Callable[[Any, Any], dict[str, str]]) -> dict[str, str]:
    try:
        import pynvml
    except ImportError:
        return {}
    try:
        pynvml.nvmlInit()
        return question(pynvml, pynvml.nvmlDeviceGetHandleByIndex(0))
    except pynvml.NVMLError:  # no driver, or one that does not say
        return {}


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
