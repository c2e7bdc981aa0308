"""What is said of the machine, and of a GPU where NVIDIA's library is there to be asked."""

import sys
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from tlbench.host import gpu
from tlbench.host.environment import capture
from tlbench.host.load import OtherLoad


class FakeNvml(SimpleNamespace):
    """NVIDIA's library as it answers on a machine with one GPU."""

    class NVMLError(Exception):
        pass

    NVML_CLOCK_SM, NVML_TEMPERATURE_GPU = 1, 0

    def __init__(self, driver: bool = True) -> None:
        super().__init__()
        self.driver = driver

    def nvmlInit(self) -> None:
        if not self.driver:
            raise self.NVMLError

    def __getattr__(self, name: str) -> Any:
        answers = {
            "nvmlDeviceGetHandleByIndex": 0,
            "nvmlSystemGetDriverVersion": b"570.1",
            "nvmlDeviceGetMemoryInfo": SimpleNamespace(total=80 * 2**30),
            "nvmlDeviceGetClockInfo": 1410,
            "nvmlDeviceGetTemperature": 45,
            "nvmlDeviceGetUtilizationRates": SimpleNamespace(gpu=3),
            "nvmlDeviceGetComputeRunningProcesses": [1, 2],
        }
        return lambda *args: answers[name]


def test_a_gpu_is_identified_by_its_name_driver_and_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml())
    found = capture({"kind": "gpu", "name": "Fast One"})
    assert found.identity["gpu"] == "Fast One"
    assert (found.identity["gpu_driver"], found.identity["gpu_memory_gib"]) == ("570.1", "80")
    assert (found.volatile["gpu_clock_mhz"], found.volatile["gpu_processes"]) == ("1410", "2")


@pytest.mark.parametrize("library", [None, FakeNvml(driver=False)])
def test_without_library_or_driver_nothing_is_said_of_a_gpu(library: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", library)
    assert gpu.identity() == {}
    assert capture({"kind": "cpu", "name": "cpu"}).identity.keys().isdisjoint({"gpu", "gpu_driver"})


def test_what_identifies_a_machine_does_not_drift() -> None:
    first, second = capture().identity, capture().identity
    assert first == second
    assert {"cpu", "cores", "threads", "memory_gib", "os", "python"} <= first.keys()
    assert first.keys().isdisjoint(capture().volatile.keys())


def test_own_work_is_not_other_load(monkeypatch: pytest.MonkeyPatch) -> None:
    load = OtherLoad()
    sum(index * index for index in range(3_000_000))
    found = load.cores()
    assert found is None or found < (psutil.cpu_count() or 1)
    monkeypatch.setattr("tlbench.host.load.usable_cores", lambda: 10_000)
    assert load.cores() is None  # a container's share of the machine
