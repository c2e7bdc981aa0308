"""Judge whether the machine is fit to measure on, and what is missing. Pure: the caller gathers the facts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from tlbench.core.text import counted, listed
from tlbench.statistics.intervals import quantile

State = Literal["ok", "warn", "fail"]
ENOUGH_DISK_GIB = 2.0
ENOUGH_MEMORY_GIB = 4.0
"""Free disk space and free memory below which a check is not ok."""
GPU_PACKAGES = {"tensorflow": "tensorflow[and-cuda]", "jax": "jax[cuda12]"}
"""What a backend needs to find an NVIDIA GPU; torch's package for Linux needs no other."""
STEADY, NOISY = 0.03, 0.10
"""Noise up to which a machine is steady, and up to which it is usable, as a fraction of the time."""


@dataclass(frozen=True)
class Check:
    """A finding.

    Attributes:
        name: what was checked.
        state: the result.
        found: what was found.
        advice: what to do about it; empty if nothing.
    """

    name: str
    state: State
    found: str
    advice: str = ""


WORDS = {"memory_gib": "memory {} GiB", "cpu_quota": "at most {} cores at a time", "machine": "{}"}
"""Formats of facts whose key means nothing to a reader."""


def machine(identity: Mapping[str, str]) -> Check:
    """Describe the machine."""
    known = {**WORDS, **{f"cache_l{level}": f"L{level} cache {{}}" for level in range(1, 5)}}
    return Check(
        "machine", "ok", ", ".join(known.get(key, f"{key} {{}}").format(value) for key, value in identity.items())
    )


def load(average: float | None, threads: int) -> Check:
    """Check the load: other work on the machine affects all step times."""
    if average is None:
        return Check("load", "warn", "unknown", "This system has no load average; close other programs.")
    found = f"{average:.2f} on {threads} threads"
    if average > 0.5 * threads:
        return Check("load", "warn", found, "Close other programs: step times will be too long and unstable.")
    return Check("load", "ok", found)


def memory(free_gib: float) -> Check:
    """Check the free memory: a worker with a mid-sized backbone needs several gigabytes."""
    found = f"{free_gib:.1f} GiB free"
    if free_gib < ENOUGH_MEMORY_GIB:
        return Check("memory", "warn", found, "Large backbones may be killed; use a smaller batch_size or image_size.")
    return Check("memory", "ok", found)


def disk(free_gib: float, place: str) -> Check:
    """Check the free disk space for decoded images in the cache."""
    found = f"{free_gib:.1f} GiB free in {place}"
    if free_gib < ENOUGH_DISK_GIB:
        return Check("disk", "fail", found, "Free some space, or set TLBENCH_CACHE to a larger disk.")
    return Check("disk", "ok", found)


def governor(name: str | None) -> Check:
    """Check the clock governor: one that saves power changes the clock while steps are timed."""
    if name is None:
        return Check("clock", "ok", "no governor visible (a virtual machine, or not Linux)")
    if name != "performance":
        return Check(
            "clock", "warn", f"governor {name}", "Set it to performance: sudo cpupower frequency-set -g performance"
        )
    return Check("clock", "ok", f"governor {name}")


def noise(readings: Sequence[float], earlier: Sequence[float]) -> Check:
    """Check how steady the machine is, by repeated runs of the reference workload.

    The noise is half the central 95 % range of the readings relative to their median: the uncertainty of a step time
    measured now.

    Args:
        readings: times in seconds.
        earlier: times of recent runs on this machine.
    """
    middle = median(readings)
    score = (quantile(readings, 0.975) - quantile(readings, 0.025)) / 2 / middle
    found = f"±{score:.1%} over {len(readings)} runs of {middle * 1000:.0f} ms"
    if earlier:
        low, high = quantile(earlier, 0.025) / middle - 1, quantile(earlier, 0.975) / middle - 1
        found += f"; {low:+.0%} to {high:+.0%} in {len(earlier)} earlier ones"
    if score <= STEADY:
        return Check("noise", "ok", found)
    if score <= NOISY:
        advice = "Differences below 10 % cannot be detected; close other programs, fix the clock rate."
    else:
        advice = (
            "Step times will be marked unstable: compare models within one run only, or measure on a machine of your "
            "own, with a fixed clock rate and nothing else running."
        )
    return Check("noise", "warn", found, advice)


def device(backend: str, kind: str, name: str, gpus: int) -> Check:
    """Check that Keras' backend computes on a GPU where there is one.

    Args:
        backend: the backend.
        kind: the kind of the device that it found: ``cpu`` or ``gpu``.
        name: the name of that device.
        gpus: the number of NVIDIA GPUs that the machine has.
    """
    if kind == "cpu" and gpus:
        found = f"{backend} computes on the CPU, beside {counted(gpus, 'NVIDIA GPU')}"
        package = GPU_PACKAGES.get(backend, "")
        return Check("device", "warn", found, f"Install {package or 'its package for GPUs'}; docs/gpu.md has more.")
    return Check("device", "ok", f"{backend} computes on {'the CPU' if kind == 'cpu' else name}")


def packages(missing: list[str], versions: Mapping[str, str]) -> Check:
    """Check that Keras and TensorFlow are installed."""
    if missing:
        return Check("packages", "fail", f"missing: {', '.join(missing)}", "pip install tlbench installs them.")
    return Check("packages", "ok", ", ".join(f"{name} {version}" for name, version in versions.items()))


def folder(
    variable: str, place: str | None, exists: bool, inside: list[str], without: str, damaged: Sequence[str] = ()
) -> Check:
    """Check a folder that an environment variable names.

    Args:
        variable: the variable.
        place: its value; None if it is not set.
        exists: whether the folder exists.
        inside: what was found in the folder.
        without: what happens if the variable is not set.
        damaged: those of these files that cannot be opened.
    """
    if place is None:
        return Check(variable, "ok", f"not set: {without}")
    if not exists:
        return Check(variable, "fail", f"{place} does not exist", f"Correct or unset {variable}.")
    if not inside:
        return Check(variable, "warn", f"nothing usable in {place}", f"Put files there, or unset {variable}.")
    if damaged:
        why = f"{listed(damaged)} in {place} cannot be opened: cut off, or no such files"
        return Check(variable, "fail", why, "Put sound copies there, or remove them.")
    return Check(variable, "ok", f"{place}: {', '.join(inside)}")
