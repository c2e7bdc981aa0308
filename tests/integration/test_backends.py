"""One tiny cell on JAX and one on torch, in an environment that has no TensorFlow; `make backends` makes it."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.integration.conftest import TINY, environment
from tlbench.results.store import Store

OTHER = os.environ.get("TLBENCH_OTHER_PYTHON")
pytestmark = pytest.mark.skipif(OTHER is None, reason="TLBENCH_OTHER_PYTHON is not set; `make backends` sets it")


def other(place: Path, *args: str) -> subprocess.CompletedProcess[str]:
    assert OTHER is not None
    return subprocess.run(
        [OTHER, *args], cwd=place, env=environment(place), capture_output=True, text=True, timeout=300
    )


def test_there_is_no_tensorflow(place: Path) -> None:
    said = other(place, "-c", "import tensorflow")
    assert "No module named 'tensorflow'" in said.stderr


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_a_cell_is_trained_evaluated_and_timed(place: Path, backend: str) -> None:
    suite = TINY.replace("[frozen, full]", "frozen") + f"backend: {backend}\n"
    (place / "tiny.yaml").write_text(suite.replace("quick, batch_size: 8", "quick, batch_size: [8, 1]"))
    said = other(place, "-m", "tlbench", "run", "tiny.yaml", "--out", "run")
    assert said.returncode == 0, said.stderr
    (record,) = Store(place / "run").read_all().records
    assert record.cell.backend == backend
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
    assert all(len(step.samples) >= 15 and step.reference for step in record.timings.steps)
    assert record.memory is not None
    assert record.memory.weights == 4 * record.counts.params if record.counts else False
    again = other(place, "-m", "tlbench", "run", "tiny.yaml", "--out", "again")
    assert again.returncode == 0
    (same,) = Store(place / "again").read_all().records
    assert same.accuracy == record.accuracy
