"""Run the real command, as a user does, in a folder of its own and without a network."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from tests.integration import preloaded
from tlbench.datasets import synthetic

Command = Callable[..., subprocess.CompletedProcess[str]]

TINY = """\
name: tiny
datasets: {name: shapes, path: shapes}
backbones: {name: MobileNet, alpha: 0.25, weights: random}
strategies: [frozen, full]
image_size: 32
train: {epochs: 2, batch_size: 16}
timing: {protocol: quick, batch_size: 8, seconds: 0}
"""


SEVERAL_THREADS = {"TF_NUM_INTRAOP_THREADS": "2", "TF_NUM_INTEROP_THREADS": "2"}
"""Of what is to be the same to the bit; `make test` gives other tests one."""
MOBILENET = "{name: MobileNet, alpha: 0.25, weights: random}"
LIGHT = TINY.replace(MOBILENET, "{name: SmallConvNet, weights: random}").replace("image_size: 32", "image_size: 48")
"""Four convolutions, where it does not matter what is trained: they are traced in a tenth of the time."""


def make_place(folder: Path, suite: str = TINY) -> Path:
    """A folder with a suite and its pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    counts = {"train": 20, "validation": 6, "test": 10}
    synthetic.write_tree(folder / "shapes", ("stripes", "bars"), counts, 32)
    (folder / "tiny.yaml").write_text(suite)
    return folder


def environment(place: Path, **changes: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("TLBENCH_", "KERAS_"))}
    root = str(Path(__file__).parents[2])
    return {
        **kept,
        "PYTHONPATH": root,
        "TLBENCH_CACHE": str(place / "cache"),
        "KERAS_HOME": str(place / "keras"),
        "TLBENCH_OFFLINE": "1",
        **changes,
    }


def tlbench_in(place: Path, *args: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a fork of a process that has imported what it needs."""
    if "COVERAGE_RUN" not in os.environ:
        return preloaded.run(args, place, environment(place, **changes))
    return fresh_tlbench_in(place, *args, **changes)


def forget_measurements(baseline: Path) -> None:
    """Make a baseline like an older one, so that its own run counts as another measurement."""
    content = json.loads(baseline.read_text())
    for cell in content["cells"]:
        del cell["measured"]
    baseline.write_text(json.dumps(content))


def fresh_tlbench_in(place: Path, *args: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run a command in an interpreter of its own."""
    return subprocess.run(
        [sys.executable, "-m", "tlbench", *args],
        cwd=place,
        env=environment(place, **changes),
        capture_output=True,
        text=True,
        timeout=preloaded.TIMEOUT,
    )


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return make_place(tmp_path / "place")


@pytest.fixture
def tlbench(place: Path) -> Command:
    return lambda *args, **changes: tlbench_in(place, *args, **changes)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A place where the tiny suite has been run with three strategies, and what the command said.

    One process of pytest-xdist makes it; each has a copy.
    """
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    with FileLock(shared / "finished.lock"):
        said = shared / "finished.json"
        if not said.exists():
            place = make_place(shared / "finished")
            suite = TINY.replace("[frozen, full]", "[frozen, {name: partial, trainable: 0.3}, full]")
            (place / "tiny.yaml").write_text(suite)
            done = tlbench_in(place, "run", "tiny.yaml", "--out", "run", **SEVERAL_THREADS)
            said.write_text(json.dumps([done.returncode, done.stdout, done.stderr]))
    place = tmp_path_factory.mktemp("copied") / "finished"
    shutil.copytree(shared / "finished", place)
    return place, subprocess.CompletedProcess("tlbench", *json.loads(said.read_text()))
