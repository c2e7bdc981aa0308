"""Is this machine fit to measure on: the judgement, on readings that a test makes up."""

from pathlib import Path

import pytest

from tests.weights_files import write_weights
from tlbench.host.doctor import device, machine, noise
from tlbench.session.doctor import examine


@pytest.mark.parametrize(
    ("spread", "state", "advice"),
    [(0.02, "ok", ""), (0.06, "warn", "Differences below 10 %"), (0.3, "warn", "compare models within one run only")],
)
def test_noise_is_scored_by_the_spread_of_the_reference_workload(spread: float, state: str, advice: str) -> None:
    readings = [0.05 * (1 + spread * step / 50) for step in range(-50, 51)]
    check = noise(readings, [])
    assert check.state == state
    assert check.advice.startswith(advice) or advice in check.advice
    assert check.found == f"±{spread * 0.95 + 1e-9:.1%} over 101 runs of 50 ms"


def test_what_earlier_runs_saw_is_said() -> None:
    assert noise([0.05] * 20, [0.04] * 40 + [0.07] * 40).found.endswith("; -20% to +40% in 80 earlier ones")


@pytest.mark.parametrize(
    ("found", "state", "said", "advice"),
    [
        (("tensorflow", "cpu", "cpu", 0), "ok", "tensorflow computes on the CPU", ""),
        (("torch", "gpu", "NVIDIA H200", 1), "ok", "torch computes on NVIDIA H200", ""),
        (
            ("tensorflow", "cpu", "cpu", 2),
            "warn",
            "tensorflow computes on the CPU, beside 2 NVIDIA GPUs",
            "Install tensorflow[and-cuda]; docs/gpu.md has more.",
        ),
        (
            ("torch", "cpu", "cpu", 1),
            "warn",
            "torch computes on the CPU, beside 1 NVIDIA GPU",
            "Install its package for GPUs; docs/gpu.md has more.",
        ),
    ],
)
def test_a_gpu_that_the_backend_does_not_find_is_named(
    found: tuple[str, str, str, int], state: str, said: str, advice: str
) -> None:
    check = device(*found)
    assert (check.state, check.found, check.advice) == (state, said, advice)


def test_the_machine_is_told_in_words() -> None:
    identity = {"cpu": "Z80 {}", "memory_gib": "23.5", "cpu_quota": "2", "cache_l1": "32K", "machine": "x86_64"}
    assert machine(identity).found == "cpu Z80 {}, memory 23.5 GiB, at most 2 cores at a time, L1 cache 32K, x86_64"


def test_what_is_said_of_folders_that_are_not_named_is_what_a_run_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """`datasets.locate` and `backbones.weights.find` are what it does, in this order."""
    for variable in ("TLBENCH_DATA", "TLBENCH_WEIGHTS"):
        monkeypatch.delenv(variable, raising=False)
    said = {check.name: check.found for check in examine(noise=False)}
    assert said["TLBENCH_DATA"] == (
        "not set: a run takes what `tlbench data get` has fetched; it draws what is absent where the suite's `fallback` "
        "allows that, else it fetches what has a public archive"
    )
    assert said["TLBENCH_WEIGHTS"] == (
        "not set: a run takes weights from Keras' cache, else fetches them, else takes others where the suite's "
        "`fallback` allows that"
    )


def test_files_of_weights_that_were_cut_off_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = write_weights(tmp_path / "whole.h5")
    (tmp_path / "half.h5").write_bytes(whole[: len(whole) // 2])
    monkeypatch.setenv("TLBENCH_WEIGHTS", str(tmp_path))
    (check,) = (check for check in examine(noise=False) if check.name == "TLBENCH_WEIGHTS")
    assert (check.state, check.found) == (
        "fail",
        f"half.h5 in {tmp_path} cannot be opened: cut off, or no such files",
    )
    (tmp_path / "half.h5").unlink()
    (check,) = (check for check in examine(noise=False) if check.name == "TLBENCH_WEIGHTS")
    assert (check.state, check.found) == ("ok", f"{tmp_path}: whole.h5")
