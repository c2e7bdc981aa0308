"""`tlbench doctor`: is this machine fit to measure on, and what is missing."""

import importlib.util
import json
import os
import shutil
from dataclasses import asdict
from pathlib import Path

import click

from tlbench.cache.folders import cache_dir
from tlbench.datasets.registry import DATASETS
from tlbench.execution import child
from tlbench.host import doctor
from tlbench.host.doctor import Check
from tlbench.host.environment import capture
from tlbench.host.resources import usable_cores
from tlbench.measuring import readings as history
from tlbench.measuring.reference_version import VERSION
from tlbench.reporting.document import Column, Table
from tlbench.reporting.render import terminal

MISSING = 2
NOISE_SECONDS = 8.0


@click.command()
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
@click.option("--quick", is_flag=True, help="Do not measure the machine's noise, which takes 10 seconds.")
def command(as_json: bool, quick: bool) -> int:
    """Look at the machine, the packages and the folders a run uses. Exit 2 where a run would not work.

    The noise score is the spread of a reference workload (a matrix product, a convolution) run again and again.

    Example: tlbench doctor
    """
    checks = _checks()
    if not quick and all(check.state != "fail" for check in checks if check.name == "packages"):
        checks.insert(3, _noise())
    if as_json:
        click.echo(json.dumps([asdict(check) for check in checks], indent=1))
    else:
        columns = (Column(""), Column("What"), Column("Found", width=60), Column("What to do", width=50))
        rows = ((check.state, check.name, check.found, check.advice) for check in checks)
        click.echo(terminal.text(Table(columns, tuple(rows))))
    return MISSING if any(check.state == "fail" for check in checks) else 0


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
        _folder("TLBENCH_WEIGHTS", ["*.h5"], "weights come from Keras' cache or are fetched"),
    ]


def _noise() -> Check:
    answer = child.call("tlbench.worker.reference:readings", {"seconds": NOISE_SECONDS})
    environment = capture(answer["device"])
    key = history.machine_key(environment.identity, environment.versions, answer["device"]["name"], VERSION)
    place, readings = cache_dir() / "reference", answer["readings"]
    check = doctor.noise(readings, history.recent(place, key))
    history.remember(place, key, readings)
    return check


def _folder(variable: str, patterns: list[str], without: str) -> Check:
    value = os.environ.get(variable)
    place = Path(value) if value else None
    inside = [path.name for pattern in patterns for path in sorted(place.glob(pattern))] if place else []
    return doctor.folder(variable, value or None, place is not None and place.is_dir(), inside, without)


def _free_gib(place: Path) -> float:
    there = next(path for path in [place, *place.absolute().parents] if path.exists())
    return shutil.disk_usage(there).free / 2**30
