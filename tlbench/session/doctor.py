"""Check the machine, the packages and the folders that a run uses."""

import importlib.util
import shutil
from pathlib import Path

from tlbench.backbones.weights import damage_of
from tlbench.cache.folders import cache_dir
from tlbench.core import settings
from tlbench.datasets.registry import DATASETS
from tlbench.execution import child
from tlbench.execution.entry_points import REFERENCE_READINGS
from tlbench.host import doctor
from tlbench.host.doctor import Check
from tlbench.host.environment import capture
from tlbench.host.resources import usable_cores
from tlbench.host.shares import gpus
from tlbench.measuring.readings import machine_key, recent_readings, remember_readings
from tlbench.results.measured import Environment

NOISE_SECONDS = 8.0


def examine(*, noise: bool) -> list[Check]:
    """Check what a run needs and what may disturb it. `noise`: also measure for some seconds how steady speed is."""
    checks = _checks()
    if noise and all(check.state != "fail" for check in checks if check.name == "packages"):
        checks[3:3] = _measured()
    return checks


def _checks() -> list[Check]:
    environment = capture()
    volatile = environment.volatile
    average = volatile.get("load_1min")
    missing = [name for name in ("keras", "tensorflow") if importlib.util.find_spec(name) is None]
    return [
        doctor.machine(environment.identity),
        doctor.packages(missing, environment.versions),
        doctor.load(None if average is None else float(average), usable_cores()),
        doctor.memory(float(volatile["free_memory_gib"])),
        doctor.governor(volatile.get("governor")),
        doctor.disk(_free_gib(cache_dir()), str(cache_dir())),
        _folder(
            "TLBENCH_DATA",
            [f"{name}/" for name in DATASETS],
            "a run takes what `tlbench data get` has fetched; it draws what is absent where the suite's `fallback` "
            "allows that, else it fetches what has a public archive",
        ),
        _folder(
            "TLBENCH_WEIGHTS",
            ["*.h5"],
            "a run takes weights from Keras' cache, else fetches them, else takes others where the suite's `fallback` "
            "allows that",
        ),
    ]


def _measured() -> list[Check]:
    """The device that the backend computes on, and how steady it is."""
    answer = child.call(REFERENCE_READINGS, {"seconds": NOISE_SECONDS})
    environment = Environment.model_validate(answer["environment"])
    key = machine_key(environment, answer["device"]["name"], answer["workload"])
    folder, seconds = cache_dir() / "reference", answer["readings"]
    steady = doctor.noise(seconds, recent_readings(folder, key))
    remember_readings(folder, key, seconds)
    hardware = answer["device"]
    return [doctor.device(answer["backend"], hardware["kind"], hardware["name"], len(gpus())), steady]


def _folder(variable: str, patterns: list[str], without: str) -> Check:
    place = settings.folder(variable)
    inside = [path.name for pattern in patterns for path in sorted(place.glob(pattern))] if place else []
    damaged = [name for name in inside if place and damage_of(place / name)]
    exists = place is not None and place.is_dir()
    return doctor.folder(variable, str(place) if place else None, exists, inside, without, damaged)


def _free_gib(place: Path) -> float:
    there = next(path for path in [place, *place.absolute().parents] if path.exists())
    return shutil.disk_usage(there).free / 2**30
