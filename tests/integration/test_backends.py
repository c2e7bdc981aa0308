"""A tiny cell on JAX and the same on torch, in one run, and tests of what trains, where there is no TensorFlow.

`make backends` makes the place.
"""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.integration.conftest import TINY, environment, fresh_tlbench_in
from tlbench.results.record import Record
from tlbench.results.store import Store

OTHER = os.environ.get("TLBENCH_OTHER_PYTHON")
pytestmark = pytest.mark.skipif(OTHER is None, reason="TLBENCH_OTHER_PYTHON is not set; `make backends` sets it")


ROOT = Path(__file__).parents[2]
TRAINING = [f"training/test_{name}.py" for name in ("dense_head", "rates", "trainer", "weight_space")]
"""Tests of what trains, which hold on every backend."""


def other(place: Path, *args: str, **changes: str) -> subprocess.CompletedProcess[str]:
    assert OTHER is not None
    return subprocess.run(
        [OTHER, *args], cwd=place, env=environment(place, **changes), capture_output=True, text=True, timeout=300
    )


def test_there_is_no_tensorflow(place: Path) -> None:
    said = other(place, "-c", "import tensorflow")
    assert "No module named 'tensorflow'" in said.stderr


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_what_trains_does_the_same_there(place: Path, backend: str) -> None:
    """Without this project's settings and fixtures of pytest, whose plugins are not there."""
    files = [str(ROOT / "tests" / name) for name in [*TRAINING, "modeling/test_initial_weights.py"]]
    alone = ("--noconftest", "-c", os.devnull, "--rootdir", str(ROOT), "-p", "no:cacheprovider", "-q")
    said = other(place, "-m", "pytest", *alone, *files, KERAS_BACKEND=backend)
    assert said.returncode == 0, said.stdout


def run(place: Path, out: str) -> dict[str, Record]:
    suite = TINY.replace("[frozen, full]", "frozen") + "backend: [jax, torch]\n"
    (place / "tiny.yaml").write_text(suite.replace("quick, batch_size: 8", "quick, batch_size: [8, 1]"))
    said = other(place, "-m", "tlbench", "run", "tiny.yaml", "--out", out)
    assert said.returncode == 0, said.stderr
    return {record.cell.backend: record for record in Store(place / out).read_all().records}


def test_a_cell_is_trained_evaluated_and_timed_on_each_backend_in_turn(place: Path) -> None:
    records, again = run(place, "run"), run(place, "again")
    assert sorted(records) == sorted(again) == ["jax", "torch"]
    for backend, record in records.items():
        check(backend, record)
        assert again[backend].accuracy == record.accuracy
    row = next(
        line for line in (place / "run/report.md").read_text().splitlines() if "torch" in line and "1x" not in line
    )
    assert "MobileNet (alpha=0.25)" in row, "relative to the first model, which computes with jax"


def test_a_model_of_jax_is_exported_where_there_is_tensorflow_and_refused_where_there_is_none(place: Path) -> None:
    suite = TINY.replace("[frozen, full]", "full").replace("epochs: 2", "epochs: 1")
    (place / "tiny.yaml").write_text(f"{suite}backend: jax\nsave_models: true\n")
    said = other(place, "-m", "tlbench", "run", "tiny.yaml", "--out", "run")
    assert said.returncode == 0, said.stderr
    refused = other(place, "-m", "tlbench", "deploy", "run")
    assert refused.returncode == 64
    assert "whichever backend trained them: tensorflow is not installed for" in refused.stderr
    assert refused.stderr.count("\n") == 1
    done = fresh_tlbench_in(place, "deploy", "run", "--to", "litert", "--format", "json=deploy.json")
    assert done.returncode == 0, done.stderr
    (model,) = json.loads((place / "deploy.json").read_text())["models"]
    keras, litert = model["runtimes"]
    assert abs(keras["correct"] - model["recorded"]) <= 1, "TensorFlow rounds otherwise than JAX"
    assert litert["gap"] < 1e-4


def check(backend: str, record: Record) -> None:
    assert "tensorflow" not in record.environment.versions
    assert backend in record.environment.versions
    assert record.accuracy is not None
    assert record.accuracy.images == 20
    assert record.timings is not None
    assert record.timings.device == "cpu"
    assert record.timings.jit == (backend == "jax")
    assert [(s.step, s.batch_size) for s in record.timings.steps] == [
        ("inference", 8),
        ("inference", 1),
        ("training", 8),
    ]
    assert all(len(step.samples) >= 15 for step in record.timings.steps)
    assert {bool(step.reference) for step in record.timings.steps} == {backend == "jax"}, "computed by one of the two"
    assert record.memory is not None
    assert record.memory.weights == 4 * record.counts.params if record.counts else False
