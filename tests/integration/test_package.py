"""What is published is whole: the wheel runs a suite by name with no checkout near it, the source distribution builds the same."""

import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tlbench import __version__
from tlbench.suite.named import bundled_suites

ROOT = Path(__file__).parents[2]
PACKAGE_DATA = {".csv", ".css", ".h5", ".js", ".json", ".typed"}


def built(target: str, source: Path, folder: Path) -> Path:
    """Hatchling alone, as the build front ends call it, so that nothing is fetched."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(folder)], cwd=source, check=True
    )
    (file,) = folder.iterdir()
    return file


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built("sdist", ROOT, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the source distribution, which therefore has all that is needed."""
    place = tmp_path_factory.mktemp("source")
    with tarfile.open(sdist) as archive:
        archive.extractall(place, filter="data")
    return built("wheel", place / f"tlbench-{__version__}", tmp_path_factory.mktemp("wheel"))


PLAN_EACH = """
import json, sys
from tlbench.cli import main

def plan(name):
    try:
        main(["plan", name])
    except SystemExit as exit:
        return exit.code

print(json.dumps({name: plan(name) for name in sys.argv[1:]}))
"""


def run(installed: Path, folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return python(installed, folder, "from tlbench.cli import main; main()", *args)


def python(installed: Path, folder: Path, program: str, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, *args],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(place)
    return place


def test_the_wheel_has_the_code_its_data_and_the_suites_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if ".dist-info/" not in name}
    files = (file for file in (ROOT / "tlbench").rglob("*") if file.suffix in PACKAGE_DATA | {".py"})
    expected = {file.relative_to(ROOT).as_posix() for file in files}
    suites = (file.relative_to(ROOT / "suites").as_posix() for file in (ROOT / "suites").rglob("*.yaml"))
    assert inside == expected | {f"tlbench/suite/bundled/{name}" for name in suites}


def test_the_source_distribution_has_every_tracked_file(sdist: Path) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("this is no checkout")
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    with tarfile.open(sdist) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    assert {name for name in tracked.split("\0") if name and (ROOT / name).exists()} <= inside


def test_an_installed_tlbench_finds_its_suites_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    said = run(installed, tmp_path, "plan", "small")
    assert said.returncode == 0, said.stderr
    assert "12 cells, 0 done." in said.stdout
    assert all(line.startswith("note ImageNet weights of MobileNet") for line in said.stderr.splitlines())
    names = [*(name for name in bundled_suites() if "/" not in name), "lessons/alexnet"]
    planned = python(installed, tmp_path, PLAN_EACH, *names)
    assert json.loads(planned.stdout.splitlines()[-1]) == dict.fromkeys(names, 0), planned.stderr
    wrong = run(installed, tmp_path, "plan", "suites/smal.yaml")
    assert (wrong.returncode, "did you mean 'small'?" in wrong.stderr) == (64, True)
    assert not any(tmp_path.iterdir())


def test_an_installed_tlbench_writes_a_suite_and_plans_it(installed: Path, tmp_path: Path) -> None:
    assert run(installed, tmp_path, "init").returncode == 0
    said = run(installed, tmp_path, "plan", "suite.yaml")
    assert "6 cells, 0 done." in said.stdout, said.stderr
