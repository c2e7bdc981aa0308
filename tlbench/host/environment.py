"""Describe the machine: what identifies it, what drifts, which versions. Imports no framework."""

import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import psutil

from tlbench.host import gpu
from tlbench.host.resources import CGROUP, memory_limit, usable_cores
from tlbench.results.record import Environment

PACKAGES = ("tlbench", "keras", "tensorflow", "jax", "torch", "numpy", "pillow")


def capture(device: Mapping[str, str] | None = None) -> Environment:
    """The machine as it is now. `device` is what a worker computes on (kind, name), unknown outside of one."""
    identity = dict(_machine())
    if device and device["kind"] == "gpu":
        identity["gpu"] = device["name"]
        identity |= {key: value for key, value in gpu.identity().items() if value}
    volatile = _volatile() | (gpu.volatile() if device and device["kind"] == "gpu" else {})
    return Environment(identity=identity, volatile=volatile, versions=_versions())


@cache
def git_commit() -> str | None:
    """The commit of the tlbench checkout that runs, with ``+`` where it has changes; None outside of one."""
    folder = Path(__file__).resolve().parents[2]
    if not (folder / ".git").exists():
        return None
    try:
        commit = _git(folder, "rev-parse", "HEAD")
        return commit + ("+" if _git(folder, "status", "--porcelain", "--", "tlbench") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def project_commit() -> str | None:
    """The commit that is checked out in the working directory, the user's project; None outside of a repository."""
    try:
        return _git(Path.cwd(), "rev-parse", "HEAD")
    except (OSError, subprocess.SubprocessError):
        return None


@cache
def _machine() -> dict[str, str]:
    return {
        "cpu": _cpu_model(),
        "cores": str(psutil.cpu_count(logical=False) or "unknown"),
        "threads": str(usable_cores()),
        "memory_gib": f"{memory_limit() / 2**30:.1f}",
        **_caches(),
        **_container(),
        "machine": platform.machine(),
        "os": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def _volatile() -> dict[str, str]:
    found = {"free_memory_gib": f"{psutil.virtual_memory().available / 2**30:.1f}"}
    if hasattr(os, "getloadavg"):
        found["load_1min"] = f"{os.getloadavg()[0]:.2f}"
    for name, file in VOLATILE_FILES.items():
        if (text := _read(file)) is not None:
            found[name] = text
    frequency = psutil.cpu_freq() if hasattr(psutil, "cpu_freq") else None
    if frequency and frequency.current:
        found["clock_mhz"] = f"{frequency.current:.0f}"
    return found


CPU = Path("/sys/devices/system/cpu")
VOLATILE_FILES = {
    "governor": CPU / "cpu0/cpufreq/scaling_governor",
    "turbo_off": CPU / "intel_pstate/no_turbo",
    "boost": CPU / "cpufreq/boost",
    "throttled_times": CPU / "cpu0/thermal_throttle/core_throttle_count",
}


def _caches() -> dict[str, str]:
    """Sizes of the first core's caches, as Linux gives them: ``{"cache_l1": "32K", ...}``; data and unified ones."""
    found = {}
    for folder in sorted((CPU / "cpu0/cache").glob("index*")):
        level, kind, size = (_read(folder / name) for name in ("level", "type", "size"))
        if level and size and kind != "Instruction":
            found[f"cache_l{level}"] = size
    return found


def _container() -> dict[str, str]:
    """The limits of the control group this process is in, where it is in one that has any."""
    quota = _read(CGROUP / "cpu.max")
    limited = quota is not None and not quota.startswith("max")
    return {"cpu_quota": quota} if limited and quota is not None else {}


def _read(file: Path) -> str | None:
    try:
        return file.read_text().strip()
    except OSError:
        return None


@cache
def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _cpu_model() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def _git(folder: Path, *args: str) -> str:
    answer = subprocess.run(["git", "-C", str(folder), *args], capture_output=True, text=True, check=True, timeout=10)
    return answer.stdout.strip()
