"""What NVIDIA's driver says of a GPU. Without one, nothing; what it does not know of a card is left out alone.

Asking the driver touches no context on the device: a process that asks can still be forked. `card`, everywhere: where
the card is plugged in (PCI bus id), by the word of who computes on it, since CUDA takes the fastest card first and the
driver another one; empty where that is not known, for the first that this process may use.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from tlbench.host.shares import VISIBLE
from tlbench.results.measured import GpuState

Answer = TypeVar("Answer")
Question = Callable[[Any, Any], Answer]
HELD_BACK = {
    "nvmlClocksThrottleReasonSwPowerCap": "power limit",
    "nvmlClocksThrottleReasonHwSlowdown": "hardware slowdown",
    "nvmlClocksThrottleReasonHwThermalSlowdown": "heat",
    "nvmlClocksThrottleReasonSwThermalSlowdown": "heat",
    "nvmlClocksThrottleReasonHwPowerBrakeSlowdown": "power brake",
    "nvmlClocksThrottleReasonApplicationsClocksSetting": "clocks set by hand",
}
"""Why a driver lowers the clock of a GPU that has work; that it is idle is none of them."""


def identity(card: str = "") -> dict[str, str]:
    """Driver version and memory of the GPU, which identify it beside its name."""
    return _said(
        card,
        gpu_driver=lambda nvml, gpu: _text(nvml.nvmlSystemGetDriverVersion()),
        gpu_memory_gib=lambda nvml, gpu: f"{nvml.nvmlDeviceGetMemoryInfo(gpu).total / 2**30:.0f}",
    )


def volatile(card: str = "") -> dict[str, str]:
    """Clock, temperature, load and the number of processes on the GPU, which drift."""
    return _said(
        card,
        gpu_clock_mhz=_clock,
        gpu_temperature=_temperature,
        gpu_load_percent=lambda nvml, gpu: nvml.nvmlDeviceGetUtilizationRates(gpu).gpu,
        gpu_processes=lambda nvml, gpu: len(nvml.nvmlDeviceGetComputeRunningProcesses(gpu)),
    )


def state(card: str = "") -> GpuState | None:
    """Clock, temperature, power and what holds the clock back, at this moment; None where nobody says any of it."""
    held_back = _ask(card, lambda nvml, gpu: _reasons(nvml, nvml.nvmlDeviceGetCurrentClocksThrottleReasons(gpu)))
    found = GpuState(
        clock=_ask(card, _clock),
        temperature=_ask(card, _temperature),
        watts=_ask(card, lambda nvml, gpu: nvml.nvmlDeviceGetPowerUsage(gpu) / 1000),
        held_back=held_back or (),
    )
    return None if found == GpuState() and held_back is None else found


def free_memory(card: str = "") -> tuple[int, int] | None:
    """Bytes of the GPU's memory that are free, and that there are; None where nobody says."""

    def question(nvml: Any, gpu: Any) -> tuple[int, int]:
        memory = nvml.nvmlDeviceGetMemoryInfo(gpu)
        return int(memory.free), int(memory.total)

    return _ask(card, question)


def _clock(nvml: Any, gpu: Any) -> int:
    return int(nvml.nvmlDeviceGetClockInfo(gpu, nvml.NVML_CLOCK_SM))


def _temperature(nvml: Any, gpu: Any) -> int:
    return int(nvml.nvmlDeviceGetTemperature(gpu, nvml.NVML_TEMPERATURE_GPU))


def _reasons(nvml: Any, bits: int) -> tuple[str, ...]:
    held = (said for name, said in HELD_BACK.items() if bits & getattr(nvml, name, 0))
    return tuple(dict.fromkeys(held))


def _said(card: str, **questions: Question[Any]) -> dict[str, str]:
    answers = {name: _ask(card, question) for name, question in questions.items()}
    return {name: str(answer) for name, answer in answers.items() if answer is not None}


def _ask(card: str, question: Question[Answer]) -> Answer | None:
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()  # counted by the library: a second call costs microseconds
        return question(pynvml, _handle(pynvml, card, os.environ))
    except (pynvml.NVMLError, ValueError):  # no driver, one that does not say, or a GPU that is none of its own
        return None


def _handle(nvml: Any, card: str, environment: Mapping[str, str]) -> Any:
    """The GPU in place `card`; a part of a card (MIG) by its name, since the place is that of the whole."""
    name = environment.get(VISIBLE, "0").split(",")[0].strip()
    if name.startswith("MIG-") or (name.startswith("GPU-") and not card):
        return nvml.nvmlDeviceGetHandleByUUID(name)
    return nvml.nvmlDeviceGetHandleByPciBusId(card) if card else nvml.nvmlDeviceGetHandleByIndex(int(name))


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
