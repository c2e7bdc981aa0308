"""Is this machine fit to measure on, and what is missing. Pure judgement on facts that the caller gathers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warn", "fail"]
ENOUGH_DISK_GIB = 2.0
ENOUGH_MEMORY_GIB = 4.0


@dataclass(frozen=True)
class Check:
    """One finding: what was looked at, how it is, what to do about it."""

    name: str
    state: State
    found: str
    advice: str = ""


def load(average: float | None, threads: int) -> Check:
    """Other work on the machine shows in every step time."""
    if average is None:
        return Check("load", "warn", "unknown", "This system gives no load average; close other programs.")
    found = f"{average:.2f} on {threads} threads"
    if average > 0.5 * threads:
        return Check("load", "warn", found, "Close other programs: step times will be too long and unstable.")
    return Check("load", "ok", found)


def memory(free_gib: float) -> Check:
    """A worker with a mid-sized backbone needs some gigabytes."""
    found = f"{free_gib:.1f} GiB free"
    if free_gib < ENOUGH_MEMORY_GIB:
        return Check("memory", "warn", found, "Large backbones may be killed; use a smaller batch_size or image_size.")
    return Check("memory", "ok", found)


def disk(free_gib: float, place: str) -> Check:
    """Decoded images are kept in the cache."""
    found = f"{free_gib:.1f} GiB free in {place}"
    if free_gib < ENOUGH_DISK_GIB:
        return Check("disk", "fail", found, "Make room, or set TLBENCH_CACHE to a larger disk.")
    return Check("disk", "ok", found)


def governor(name: str | None) -> Check:
    """A governor that saves power changes the clock while steps are timed."""
    if name is None:
        return Check("clock", "ok", "no governor visible (a virtual machine, or not Linux)")
    if name != "performance":
        return Check(
            "clock", "warn", f"governor {name}", "Set it to performance: sudo cpupower frequency-set -g performance"
        )
    return Check("clock", "ok", f"governor {name}")


def packages(missing: list[str], versions: Mapping[str, str]) -> Check:
    """A run needs Keras and TensorFlow."""
    if missing:
        return Check("packages", "fail", f"missing: {', '.join(missing)}", "pip install tlbench installs them.")
    return Check("packages", "ok", ", ".join(f"{name} {version}" for name, version in versions.items()))


def folder(variable: str, place: str | None, exists: bool, inside: list[str], without: str) -> Check:
    """A folder of the user's named by an environment variable; `without` says what happens where it is not set."""
    if place is None:
        return Check(variable, "ok", f"not set: {without}")
    if not exists:
        return Check(variable, "fail", f"{place} does not exist", f"Mend or unset {variable}.")
    if not inside:
        return Check(variable, "warn", f"nothing of use in {place}", f"Put files there, or unset {variable}.")
    return Check(variable, "ok", f"{place}: {', '.join(inside)}")
