"""Is this machine fit to measure on, and what is missing. Pure judgement on facts that the caller gathers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from tlbench.statistics.intervals import quantile

State = Literal["ok", "warn", "fail"]
ENOUGH_DISK_GIB = 2.0
ENOUGH_MEMORY_GIB = 4.0
STEADY, NOISY = 0.03, 0.10


@dataclass(frozen=True)
class Check:
    """One finding: what was looked at, how it is, what to do about it."""

    name: str
    state: State
    found: str
    advice: str = ""


WORDS = {"memory_gib": "memory {} GiB", "cpu_quota": "at most {} cores at a time", "machine": "{}"}
"""How a fact is put whose name is none that a reader knows."""


def machine(identity: Mapping[str, str]) -> Check:
    """What the machine is."""
    known = {**WORDS, **{f"cache_l{level}": f"L{level} cache {{}}" for level in range(1, 5)}}
    return Check(
        "machine", "ok", ", ".join(known.get(key, f"{key} {{}}").format(value) for key, value in identity.items())
    )


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


def noise(readings: Sequence[float], earlier: Sequence[float]) -> Check:
    """How steady the machine is: the reference workload, run again and again.

    The score is half the range of the middle 95 % of the readings (seconds), relative to their median: what a step time
    taken now would be uncertain by. earlier: readings of recent runs on this machine.
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
        advice = "Differences below 10 % will not show; close other programs, fix the clock rate."
    else:
        advice = (
            "Step times will be marked unstable: compare models within one run only, or measure on a machine of your "
            "own, with a fixed clock rate and nothing else running."
        )
    return Check("noise", "warn", found, advice)


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
