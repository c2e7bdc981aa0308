"""What is said of the machine, and of a GPU where NVIDIA's library is there to be asked."""

import sys
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy  # noqa: F401 - what is asked for has to be imported
import psutil
import pytest

from tests.narrow import present
from tlbench.host import environment, gpu
from tlbench.host.environment import capture, variables
from tlbench.host.load import OtherLoad
from tlbench.results.measured import GpuState


class FakeNvml(SimpleNamespace):
    """NVIDIA's library as it answers on a machine with one GPU. silent: questions that it has no answer to."""

    class NVMLError(Exception):
        pass

    NVML_CLOCK_SM, NVML_TEMPERATURE_GPU = 1, 0

    def __init__(self, driver: bool = True, reasons: int = 1, silent: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.driver, self.reasons, self.silent = driver, reasons, silent
        self.asked: list[tuple[str, Any]] = []

    def nvmlInit(self) -> None:
        if not self.driver:
            raise self.NVMLError

    def __getattr__(self, name: str) -> Any:
        answers = {
            "nvmlSystemGetDriverVersion": b"570.1",
            "nvmlDeviceGetMemoryInfo": SimpleNamespace(total=80 * 2**30, free=30 * 2**30),
            "nvmlDeviceGetClockInfo": 1410,
            "nvmlDeviceGetTemperature": 45,
            "nvmlDeviceGetUtilizationRates": SimpleNamespace(gpu=3),
            "nvmlDeviceGetComputeRunningProcesses": [1, 2],
            "nvmlDeviceGetPowerUsage": 351_500,
            "nvmlDeviceGetCurrentClocksThrottleReasons": self.reasons,
        }
        if name.startswith("nvmlClocks"):
            reasons = {"GpuIdle": 1, "SwPowerCap": 4, "SwThermalSlowdown": 32, "HwThermalSlowdown": 64}
            if (reason := name.removeprefix("nvmlClocksThrottleReason")) not in reasons:
                raise AttributeError(name)  # older libraries know fewer
            return reasons[reason]
        if name.startswith("nvmlDeviceGetHandleBy"):
            return lambda which: self.asked.append((name, which))
        return self._unknown if name in self.silent else lambda *args: answers[name]

    def _unknown(self, *args: object) -> None:
        raise self.NVMLError


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


def test_the_state_of_a_gpu_says_what_holds_its_clock_back_and_not_that_it_is_idle(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml(reasons=1))
    assert gpu.state() == GpuState(clock=1410, temperature=45, watts=351.5)
    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml(reasons=1 | 4 | 32 | 64))
    assert present(gpu.state()).held_back == ("power limit", "heat")
    assert gpu.free_memory() == (30 * 2**30, 80 * 2**30)
    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml(driver=False))
    assert (gpu.state(), gpu.free_memory()) == (None, None)


def test_what_the_driver_does_not_know_of_a_gpu_is_left_out_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    silent = ("nvmlDeviceGetMemoryInfo", "nvmlDeviceGetUtilizationRates", "nvmlDeviceGetPowerUsage")
    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml(silent=silent, reasons=4))
    assert gpu.identity() == {"gpu_driver": "570.1"}
    assert gpu.volatile() == {"gpu_clock_mhz": "1410", "gpu_temperature": "45", "gpu_processes": "2"}
    assert gpu.state() == GpuState(clock=1410, temperature=45, held_back=("power limit",))
    assert gpu.free_memory() is None


PLACE = "0000:41:00.0"


@pytest.mark.parametrize(
    ("visible", "card", "asked"),
    [
        (None, "", ("nvmlDeviceGetHandleByIndex", 0)),
        ("3,1", "", ("nvmlDeviceGetHandleByIndex", 3)),
        ("GPU-5fa, GPU-6", "", ("nvmlDeviceGetHandleByUUID", "GPU-5fa")),
        ("MIG-5fa", "", ("nvmlDeviceGetHandleByUUID", "MIG-5fa")),
        (None, PLACE, ("nvmlDeviceGetHandleByPciBusId", PLACE)),  # the driver may have a display card as number 0
        ("3,1", PLACE, ("nvmlDeviceGetHandleByPciBusId", PLACE)),
        ("GPU-5f", PLACE, ("nvmlDeviceGetHandleByPciBusId", PLACE)),  # CUDA takes a shortened name
        ("MIG-5fa", PLACE, ("nvmlDeviceGetHandleByUUID", "MIG-5fa")),  # the place is that of the whole card
    ],
)
def test_the_gpu_that_is_asked_is_the_one_this_process_uses(
    visible: str | None, card: str, asked: tuple[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    library = FakeNvml()
    monkeypatch.setitem(sys.modules, "pynvml", library)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert gpu.state(card) is not None
    assert gpu.free_memory(card) is not None
    assert set(library.asked) == {asked}


def test_where_no_gpu_may_be_used_none_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml())
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert gpu.state() is None


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


def test_variables_that_change_numbers_are_kept_and_those_of_terraform_never() -> None:
    ours = {"TF_ENABLE_ONEDNN_OPTS": "0", "TF_XLA_FLAGS": "--tf_xla_auto_jit=2", "OMP_NUM_THREADS": "1"}
    theirs = {"TF_TOKEN_app_terraform_io": "secret", "TF_VAR_password": "secret", "TF_CLI_CONFIG_FILE": "/home/me/rc"}
    assert variables(ours | theirs | {"HOME": "/home/me", "TF_CPP_MIN_LOG_LEVEL": "3"}) == ours
    assert variables({"JAX_COMPILATION_CACHE_DIR": "/home/me/jax"}) == {"JAX_COMPILATION_CACHE_DIR": "set"}


def test_a_record_says_from_where_a_package_was_imported_without_a_path_of_the_machine() -> None:
    imported = capture().imported
    assert imported["numpy"] in {"site-packages/numpy", "dist-packages/numpy"}
    assert imported["tlbench"].endswith("/tlbench")
    assert not any(place.startswith(("/", "~")) for place in imported.values())


def test_scipy_which_solves_heads_is_among_the_versions() -> None:
    assert capture().versions["scipy"] == version("scipy")


ARM = """\
processor\t: 0
BogoMIPS\t: 243.75
Features\t: fp asimd evtstrm aes
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x3
CPU part\t: {part}
CPU revision\t: 1
"""


def named(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "cpuinfo").write_text(text)
    monkeypatch.setattr(environment, "CPU_INFORMATION", tmp_path / "cpuinfo")
    monkeypatch.setattr("platform.processor", lambda: "aarch64")
    environment.machine.cache_clear()
    try:
        return environment.machine()["cpu"]
    finally:
        environment.machine.cache_clear()


def test_arm_cpus_without_a_name_are_told_apart_by_their_codes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The texts are those of AWS's Graviton 2 and 3."""
    second, third = (named(ARM.format(part=part) * 2, tmp_path, monkeypatch) for part in ("0xd0c", "0xd40"))
    assert second == "aarch64 (implementer 0x41, part 0xd0c)"
    assert third == "aarch64 (implementer 0x41, part 0xd40)"
    both = named(ARM.format(part="0xd0b") + ARM.format(part="0xd05"), tmp_path, monkeypatch)
    assert both == "aarch64 (implementer 0x41, part 0xd05 0xd0b)", "big and small cores"


def test_a_cpu_with_a_name_is_called_by_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    intel = "processor\t: 0\nmodel name\t: Intel(R) Xeon(R) CPU @ 2.20GHz\nflags\t\t: fpu vme\n"
    assert named(intel * 2, tmp_path, monkeypatch) == "Intel(R) Xeon(R) CPU @ 2.20GHz"
    assert named("", tmp_path, monkeypatch) == "aarch64"
