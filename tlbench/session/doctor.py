"""Look at the machine, the packages and the folders a run uses."""

import importlib.util
import shutil
from pathlib import Path

from tlbench.cache.folders import cache_dir
from tlbench.core import settings
from tlbench.datasets.registry import DATASETS
from tlbench.execution import child
from tlbench.execution.entry_points import REFERENCE_READINGS
from tlbench.host import doctor
from tlbench.host.doctor import Check
from tlbench.host.environment import capture
from tlbench.host.resources import usable_cores
from tlbench.measuring.readings import machine_key, recent_readings, remember_readings
from tlbench.results.measured import Environment

NOISE_SECONDS = 8.0


def examine(*, noise: bool) -> list[Check]:
    """What a run needs and what disturbs it; `noise` measures for some seconds how steady the machine is."""
    checks = _checks()
    if noise and all(check.state != "fail" for check in checks if check.name == "packages"):
        checks.insert(3, _noise())
    return checks


def _checks() -> list[Check]:
    environment = capture()
    volatile = environment.volatile
    average = volatile.get("load_1min")
    identity = ", ".join(f"{key} {value}" for key, value in environment.identity.items())
    missing = [name for name in ("keras", "tensorflow") if importlib.util.find_spec(name) is None]
    return [
        Check("machine", "ok", identity),
        doctor.packages(missing, environment.versions),
        doctor.load(None if average is None else float(average), usable_cores()),
        doctor.memory(float(volatile["free_memory_gib"])),
        doctor.governor(volatile.get("governor")),
        doctor.disk(_free_gib(cache_dir()), str(cache_dir())),
        _folder(
            "TLBENCH_DATA", [f"{name}/" for name in DATASETS], "data sets are fetched, or drawn where a suite allows it"
        ),
        _folder(
            "TLBENCH_WEIGHTS",
            ["*.h5"],
            "weights come from Keras' cache or are fetched, or others where a suite allows it",
        ),
    ]


def _noise() -> Check:
    answer = child.call(REFERENCE_READINGS, {"seconds": NOISE_SECONDS})
    environment = Environment.model_validate(answer["environment"])
    key = machine_key(environment, answer["device"]["name"], answer["workload"])
    folder, seconds = cache_dir() / "reference", answer["readings"]
    check = doctor.noise(seconds, recent_readings(folder, key))
    remember_readings(folder, key, seconds)
    return check


def _folder(variable: str, patterns: list[str], without: str) -> Check:
    place = settings.folder(variable)
    inside = [path.name for pattern in patterns for path in sorted(place.glob(pattern))] if place else []
    return doctor.folder(variable, str(place) if place else None, place is not None and place.is_dir(), inside, without)


def _free_gib(place: Path) -> float:
    there = next(path for path in [place, *place.absolute().parents] if path.exists())
    return shutil.disk_usage(there).free / 2**30
