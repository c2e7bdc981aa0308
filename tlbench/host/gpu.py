"""Query NVIDIA's driver about a GPU. Without a driver there are no answers; answers that a card does not give are
omitted.

Queries create no CUDA context, so a process can still be forked afterwards. `card` is the PCI bus id of the card, as
the framework reports it, because CUDA may number cards in another order (fastest first) than the driver. If it is
empty, the first GPU that this process may use is meant.
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
"""Reasons for which the driver lowers the clock of a busy GPU. Idleness is not one of them."""


def identity(card: str = "") -> dict[str, str]:
    """The driver's version and the GPU's memory, which identify it together with its name."""
    return _said(
        card,
        gpu_driver=lambda nvml, gpu: _text(nvml.nvmlSystemGetDriverVersion()),
        gpu_memory_gib=lambda nvml, gpu: f"{nvml.nvmlDeviceGetMemoryInfo(gpu).total / 2**30:.0f}",
    )


def volatile(card: str = "") -> dict[str, str]:
    """Clock, temperature, load and number of processes on the GPU, which vary."""
    return _said(
        card,
        gpu_clock_mhz=_clock,
        gpu_temperature=_temperature,
        gpu_load_percent=lambda nvml, gpu: nvml.nvmlDeviceGetUtilizationRates(gpu).gpu,
        gpu_processes=lambda nvml, gpu: len(nvml.nvmlDeviceGetComputeRunningProcesses(gpu)),
    )


def state(card: str = "") -> GpuState | None:
    """The current clock, temperature, power, and what limits the clock; None if nothing is reported."""
    held_back = _ask(card, lambda nvml, gpu: _reasons(nvml, nvml.nvmlDeviceGetCurrentClocksThrottleReasons(gpu)))
    found = GpuState(
        clock=_ask(card, _clock),
        temperature=_ask(card, _temperature),
        watts=_ask(card, lambda nvml, gpu: nvml.nvmlDeviceGetPowerUsage(gpu) / 1000),
        held_back=held_back or (),
    )
    return None if found == GpuState() and held_back is None else found


def free_memory(card: str = "") -> tuple[int, int] | None:
    """Free and total memory of the GPU in bytes; None if it is not reported."""

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
        pynvml.nvmlInit()  # reference-counted by the library, so a second call costs microseconds
        return question(pynvml, _handle(pynvml, card, os.environ))
    except (pynvml.NVMLError, ValueError):  # no driver, no such value, or not a GPU of this driver
        return None


def _handle(nvml: Any, card: str, environment: Mapping[str, str]) -> Any:
    """The GPU with bus id `card`. A partition of a card (MIG) is found by its name, because the bus id is that of the
    card.
    """
    name = environment.get(VISIBLE, "0").split(",")[0].strip()
    if name.startswith("MIG-") or (name.startswith("GPU-") and not card):
        return nvml.nvmlDeviceGetHandleByUUID(name)
    return nvml.nvmlDeviceGetHandleByPciBusId(card) if card else nvml.nvmlDeviceGetHandleByIndex(int(name))


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
