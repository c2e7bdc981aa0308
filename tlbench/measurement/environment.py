"""Describe the machine: what identifies it, what drifts, which versions. Imports no framework."""

import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import psutil

from tlbench.machine import usable_cores
from tlbench.results.record import Environment

PACKAGES = ("tlbench", "keras", "tensorflow", "jax", "torch", "numpy", "pillow")


def capture(device: Mapping[str, str] | None = None) -> Environment:
    """The machine as it is now. `device` is what a worker computes on (kind, name), unknown outside of one."""
    identity = dict(_machine())
    if device and device["kind"] == "gpu":
        identity["gpu"] = device["name"]
    return Environment(identity=identity, volatile=_volatile(), versions=_versions())


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


@cache
def _machine() -> dict[str, str]:
    return {
        "cpu": _cpu_model(),
        "cores": str(psutil.cpu_count(logical=False) or "unknown"),
        "threads": str(usable_cores()),
        "memory_gib": f"{psutil.virtual_memory().total / 2**30:.1f}",
        "machine": platform.machine(),
        "os": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def _volatile() -> dict[str, str]:
    found = {"free_memory_gib": f"{psutil.virtual_memory().available / 2**30:.1f}"}
    if hasattr(os, "getloadavg"):
        found["load_1min"] = f"{os.getloadavg()[0]:.2f}"
    governor = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    if governor.exists():
        found["governor"] = governor.read_text().strip()
    return found


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
