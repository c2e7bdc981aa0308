"""The machine divided among workers."""

import os
from pathlib import Path

import pytest

from tlbench.core.errors import UserError
from tlbench.execution import executors
from tlbench.execution.executors import ProcessExecutor, room_for
from tlbench.execution.job import Resources
from tlbench.host import resources
from tlbench.host import shares as machine
from tlbench.host.shares import Share, gpus, shares


def test_cores_are_split_and_each_worker_has_a_gpu() -> None:
    parts = shares(3, range(8), ())
    assert [share.cores for share in parts] == [(0, 1), (2, 3, 4), (5, 6, 7)]
    assert {share.gpu for share in parts} == {None}
    assert [share.gpu for share in shares(3, range(8), ("0", "1"))] == ["0", "1", "0"]
    assert [share.cores for share in shares(3, (4, 5), ())] == [(4,), (4,), (5,)]  # more workers than cores
    assert shares(2, (), ()) == (Share(), Share())  # a system that tells no cores


def test_gpus_are_those_that_are_visible_or_all(tmp_path: Path) -> None:
    for name in ("nvidia2", "nvidia5", "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).touch()
    assert gpus({}, tmp_path) == ("0", "1")  # a container that was given cards 2 and 5: CUDA there begins with 0
    assert gpus({"CUDA_VISIBLE_DEVICES": "GPU-a, 3"}, tmp_path) == ("GPU-a", "3")
    assert gpus({"CUDA_VISIBLE_DEVICES": "1,-1,0"}, tmp_path) == ("1",)  # as CUDA reads it
    assert gpus({"CUDA_VISIBLE_DEVICES": ""}, tmp_path) == gpus({"CUDA_VISIBLE_DEVICES": "-1"}, tmp_path) == ()


def test_a_card_that_windows_lends_has_no_device_file(tmp_path: Path) -> None:
    driver = tmp_path / "libcuda.so.1"
    assert gpus({}, tmp_path, driver) == ()
    driver.touch()
    assert gpus({}, tmp_path, driver) == ("0",)


def test_two_cells_train_at_once_where_no_gpu_may_be_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "nvidia0").touch()
    monkeypatch.setattr(resources, "usable_cores", lambda: 8)
    monkeypatch.setattr(resources, "available_memory", lambda: 16 * 2**30)
    monkeypatch.setattr(machine, "gpus", lambda: gpus({}, tmp_path))
    assert resources.side_by_side() == 1
    monkeypatch.setattr(machine, "gpus", lambda: gpus({"CUDA_VISIBLE_DEVICES": ""}, tmp_path))
    assert resources.side_by_side() == 2


def test_what_does_not_fit_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "gpus", lambda: ("0", "1"))
    monkeypatch.setattr(machine, "cores", lambda: tuple(range(8)))
    monkeypatch.setattr(executors, "usable_cores", lambda: 8)
    monkeypatch.setattr(executors, "memory_limit", lambda: 16 * 10**9)
    assert room_for(Resources(cpus=2, gpus=1, memory=4 * 10**9)) == 2
    for needs, said in [
        (Resources(cpus=9), "9 cores, and this machine has 8"),
        (Resources(memory=20 * 10**9), "20 GB of memory, and this machine has 16 GB"),
    ]:
        with pytest.raises(UserError, match=said):
            room_for(needs)
    executor = ProcessExecutor()
    assert [share and share.gpu for share in executor.slots(Resources(), None)] == ["0", "1"]
    assert executor.slots(Resources(), 1) == (None,)
    with pytest.raises(UserError, match=r"`workers` 3: cells with these `resources` fit 2 at once"):
        executor.slots(Resources(gpus=1), 3)
    monkeypatch.setattr(machine, "gpus", lambda: ())
    with pytest.raises(UserError, match="a cell needs 1 GPU, and this machine has 0"):
        executor.slots(Resources(gpus=1), None)


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system tells no cores")
def test_a_share_is_taken_by_the_process_that_trains() -> None:
    from tests.conftest import in_a_fork

    core = min(os.sched_getaffinity(0))

    def take() -> list[object]:
        Share(gpu="3", cores=(core,)).take()
        return [os.environ["CUDA_VISIBLE_DEVICES"], sorted(os.sched_getaffinity(0))]

    assert in_a_fork(take) == ["3", [core]]
