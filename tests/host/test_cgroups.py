"""Limits of control groups, from trees of files as kernels and container runtimes make them."""

from pathlib import Path

import psutil
import pytest

from tlbench.execution import server
from tlbench.host import cgroups, resources
from tlbench.host.shares import THREADS

V2 = {
    "proc/self/cgroup": "0::/pod/container",
    "sys/fs/cgroup/pod/cpu.max": "150000 100000",
    "sys/fs/cgroup/pod/memory.max": "8000000000",
    "sys/fs/cgroup/pod/memory.current": "7900000000",
    "sys/fs/cgroup/pod/container/cpu.max": "max 100000",
    "sys/fs/cgroup/pod/container/memory.max": "4000000000",
    "sys/fs/cgroup/pod/container/memory.current": "2000000000",
    "sys/fs/cgroup/pod/container/memory.stat": "anon 1\ninactive_file 500000000",
    "sys/fs/cgroup/pod/container/memory.events": "low 0\noom 4\noom_kill 3",
}
V2_OF_ITS_OWN = {
    "proc/self/cgroup": "0::/",
    "sys/fs/cgroup/cpu.max": "200000 100000",
    "sys/fs/cgroup/memory.max": "max",
}
V1_IN_DOCKER = {  # the path is the host's, the mount is the container's own group
    "proc/self/cgroup": "5:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n1:name=systemd:/docker/abc",
    "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "50000",
    "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
    "sys/fs/cgroup/memory/memory.limit_in_bytes": "3000000000",
    "sys/fs/cgroup/memory/memory.usage_in_bytes": "1000000000",
    "sys/fs/cgroup/memory/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 1",
}
V1_WITHOUT_LIMITS = {
    "proc/self/cgroup": "2:cpu:/\n1:memory:/\n0::/",
    "sys/fs/cgroup/unified/cgroup.procs": "",
    "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1",
    "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
    "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
}
DAMAGED = {"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "0 0", "sys/fs/cgroup/memory.max": "many"}


@pytest.mark.parametrize(
    ("files", "quota", "memory", "killed"),
    [
        (V2, 1.5, (8_000_000_000, 7_900_000_000), 3),
        (V2_OF_ITS_OWN, 2.0, None, None),
        (V1_IN_DOCKER, 0.5, (3_000_000_000, 1_000_000_000), 1),
        (V1_WITHOUT_LIMITS, None, None, None),
        (DAMAGED, None, None, None),
        ({}, None, None, None),
    ],
)
def test_limits(
    tmp_path: Path,
    files: dict[str, str],
    quota: float | None,
    memory: tuple[int, int] | None,
    killed: int | None,
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text + "\n")
    assert cgroups.cpu_quota(tmp_path) == quota
    assert cgroups.memory(tmp_path) == memory
    assert cgroups.killed_for_memory(tmp_path) == killed


def test_the_page_cache_is_not_in_use(tmp_path: Path) -> None:
    for name, text in V2.items():
        if "pod/memory" not in name:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
    assert cgroups.memory(tmp_path) == (4_000_000_000, 1_500_000_000)


@pytest.mark.parametrize(("quota", "threads"), [(0.3, 1), (1.5, 1), (2.0, 2), (1_000.0, 64)])
def test_threads_and_workers_follow_the_quota(quota: float, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroups, "cpu_quota", lambda: quota)
    monkeypatch.setattr(resources, "allowed_cores", lambda: 64)
    monkeypatch.setattr(server, "allowed_cores", lambda: 64)
    assert resources.usable_cores() == threads
    limited = {name: str(threads) for name in THREADS} if threads < 64 else {}
    assert {name: value for name, value in server.variables("jax", {}).items() if name in THREADS} == limited
    if limited:
        assert server.variables("jax", {"OMP_NUM_THREADS": "7"})["OMP_NUM_THREADS"] == "7"


def test_a_containers_limit_counts_as_the_memory_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroups, "memory", lambda: None)
    assert resources.memory_limit() == psutil.virtual_memory().total
    monkeypatch.setattr(cgroups, "memory", lambda: (1_000_000, 400_000))
    assert resources.memory_limit() == 1_000_000
    assert resources.available_memory() == 600_000
