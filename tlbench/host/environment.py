"""Describe the machine: what identifies it, what varies, and the installed versions. Imports no framework."""

import importlib.metadata
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import ModuleType

import psutil

from tlbench.core import plugin_code
from tlbench.core.plugin_code import Code
from tlbench.host import cgroups, gpu
from tlbench.host.resources import memory_limit, usable_cores
from tlbench.results.measured import Environment

PACKAGES = (
    "tlbench", "keras", "keras-cv-attention-models", "keras-hub", "tensorflow", "jax", "torch", "numpy", "pillow",
    "scipy",
)  # fmt: skip
MODULES = {"keras-hub": "keras_hub", "pillow": "PIL"}
"""Packages whose module has another name."""
CHANGE_NUMBERS = (
    "TF_", "XLA_", "JAX_", "TORCH_", "PYTORCH_", "KERAS_", "OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_", "DNNL_",
    "ONEDNN_", "CUDA_", "CUBLAS_", "CUDNN_", "NVIDIA_TF32_OVERRIDE", "MALLOC_", "LD_PRELOAD",
)  # fmt: skip
"""Prefixes of environment variables that configure numerical libraries."""
NODE = "TLBENCH_NODE"
"""The environment variable with the name of this machine in a cluster, set by the executor that runs cells there."""
WITHOUT_EFFECT = (
    "TF_CPP_MIN_LOG_LEVEL", "TF_FORCE_GPU_ALLOW_GROWTH", "XLA_PYTHON_CLIENT_PREALLOCATE",
    "PYTORCH_NVML_BASED_CUDA_CHECK", "CUDA_HOME",
    "KERAS_BACKEND", "KERAS_HOME", "KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH",
)  # fmt: skip
"""Variables among them that a worker sets or resets itself, or that only name folders."""
FOLDERS_WITH_EFFECT = ("JAX_COMPILATION_CACHE_DIR",)
"""Folders that change the time of a first call. It is recorded whether they are set, not their paths."""
TERRAFORM = (
    "TF_CLI_", "TF_VAR_", "TF_TOKEN_", "TF_LOG", "TF_INPUT", "TF_WORKSPACE", "TF_IN_AUTOMATION", "TF_REGISTRY_",
    "TF_DATA_DIR", "TF_PLUGIN_", "TF_IGNORE", "TF_STATE_", "TF_CLOUD_", "TF_HTTP_", "TF_APPEND_USER_AGENT",
)  # fmt: skip
"""Prefixes of Terraform's variables. They look like TensorFlow's, may contain secrets, and must not be recorded."""


def capture(device: Mapping[str, str] | None = None, plugins: Code | None = None) -> Environment:
    """Describe the machine as it is now.

    Args:
        device: the device on which a worker computes (kind, name, card); None outside of a worker.
        plugins: the code of plugins; by default that of the plugin files.
    """
    plugins = plugin_code.of_files() if plugins is None else plugins
    identity = dict(machine())
    if device and device["kind"] == "gpu":
        identity["gpu"] = device["name"]
        identity |= {key: value for key, value in gpu.identity(device.get("card", "")).items() if value}
    volatile = _volatile() | (gpu.volatile(device.get("card", "")) if device and device["kind"] == "gpu" else {})
    return Environment(
        identity=identity,
        volatile=volatile,
        versions=plugins.versions | _versions(),
        imported=_imported(),
        variables=variables(os.environ),
        node=os.environ.get(NODE, ""),
        plugins=plugins.digests,
    )


@cache
def git_commit() -> str | None:
    """The commit of the running tlbench checkout, with ``+`` if it has local changes; None if it is not a checkout."""
    folder = Path(__file__).resolve().parents[2]
    if not (folder / ".git").exists():
        return None
    try:
        commit = _git(folder, "rev-parse", "HEAD")
        return commit + ("+" if _git(folder, "status", "--porcelain", "--", "tlbench") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def project_commit() -> str | None:
    """The commit of the user's project, in the working directory; None if that is not in a repository."""
    try:
        return _git(Path.cwd(), "rev-parse", "HEAD")
    except (OSError, subprocess.SubprocessError):
        return None


@cache
def machine() -> dict[str, str]:
    """What identifies the machine; determined once per process."""
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
    if (used := str(usable_cores())) != machine()["threads"]:
        found["threads_used"] = used
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
CPU_INFORMATION = Path("/proc/cpuinfo")
ARM_CODES = ("CPU implementer", "CPU part")
VOLATILE_FILES = {
    "governor": CPU / "cpu0/cpufreq/scaling_governor",
    "turbo_off": CPU / "intel_pstate/no_turbo",
    "boost": CPU / "cpufreq/boost",
    "throttled_times": CPU / "cpu0/thermal_throttle/core_throttle_count",
}


def _caches() -> dict[str, str]:
    """Sizes of the first core's data and unified caches on Linux: ``{"cache_l1": "32K", ...}``."""
    found = {}
    for folder in sorted((CPU / "cpu0/cache").glob("index*")):
        level, kind, size = (_read(folder / name) for name in ("level", "type", "size"))
        if level and size and kind != "Instruction":
            found[f"cache_l{level}"] = size
    return found


def _container() -> dict[str, str]:
    """The CPU quota of this process's control groups, if there is one."""
    quota = cgroups.cpu_quota()
    return {} if quota is None else {"cpu_quota": f"{quota:g}"}


def _read(file: Path) -> str | None:
    try:
        return file.read_text().strip()
    except OSError:
        return None


def variables(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables in `environment` that change results or times of numerical libraries."""
    return {
        name: "set" if value and name in FOLDERS_WITH_EFFECT else value
        for name, value in sorted(environment.items())
        if name.startswith(CHANGE_NUMBERS) and name not in WITHOUT_EFFECT and not name.startswith(TERRAFORM)
    }


def _versions() -> dict[str, str]:
    """Versions of packages: those of imported modules, which may be copies elsewhere, else those installed."""
    said = {package: getattr(module, "__version__", None) for package, module in _loaded().items()}
    return _installed() | {package: version for package, version in said.items() if isinstance(version, str)}


def _imported() -> dict[str, str]:
    """The last two folders of each imported package: ``site-packages/keras``, without the path, because records are
    shared.
    """
    files = {package: getattr(module, "__file__", None) for package, module in _loaded().items()}
    return {package: "/".join(Path(file).resolve().parts[-3:-1]) for package, file in files.items() if file}


def _loaded() -> dict[str, ModuleType]:
    found = {package: sys.modules.get(MODULES.get(package, package)) for package in PACKAGES}
    return {package: module for package, module in found.items() if module is not None}


@cache
def _installed() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _cpu_model() -> str:
    """The name of the CPU; on ARM, where Linux has no name for it, the codes of its maker and its kinds of cores."""
    found: dict[str, dict[str, None]] = {}
    for line in (_read(CPU_INFORMATION) or "").splitlines():
        name, _, value = map(str.strip, line.partition(":"))
        found.setdefault(name, {})[value] = None
    codes = [f"{name.removeprefix('CPU ')} {' '.join(sorted(found[name]))}" for name in ARM_CODES if name in found]
    cpu = next(iter(found.get("model name", ())), "") or platform.processor() or platform.machine() or "unknown"
    return f"{cpu} ({', '.join(codes)})" if codes else cpu


def _git(folder: Path, *args: str) -> str:
    answer = subprocess.run(["git", "-C", str(folder), *args], capture_output=True, text=True, check=True, timeout=10)
    return answer.stdout.strip()
