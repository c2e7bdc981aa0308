"""How long commands that train nothing take. Run with `make benchmark`; nothing here is asserted against a clock."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from tests import builders
from tests.finished import done
from tests.integration.conftest import TINY, fresh_tlbench_in, make_place
from tlbench.core.cell import Limit, Named
from tlbench.datasets import synthetic
from tlbench.datasets.prepare import prepare
from tlbench.execution.inputs import find_inputs
from tlbench.execution.job import Places
from tlbench.results.encoding import encode
from tlbench.results.run_folder import create
from tlbench.results.store import Store
from tlbench.suite.expand import expand
from tlbench.suite.load import load_suite

pytestmark = pytest.mark.benchmark


@pytest.fixture(scope="module")
def ten_thousand(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The place of a run with ten thousand records."""
    records = [builders.record(builders.cell(seed=seed)) for seed in range(10_000)]
    ids, place = [record.cell_id for record in records], tmp_path_factory.mktemp("ten-thousand")
    folder = create(place / "run", "many", "name: many\n", ids, datetime.now(UTC)).path
    (folder / "records").mkdir(exist_ok=True)
    for record in records:
        (folder / "records" / f"{record.cell_id}.json").write_bytes(encode(record))
    return place


def test_help(benchmark: BenchmarkFixture) -> None:
    benchmark.pedantic(
        lambda: subprocess.run([sys.executable, "-m", "tlbench", "--help"], capture_output=True), rounds=10
    )


def test_report_on_ten_thousand_records(benchmark: BenchmarkFixture, ten_thousand: Path) -> None:
    done = benchmark.pedantic(lambda: fresh_tlbench_in(ten_thousand, "report", "run"), rounds=3)
    assert done.returncode == 0
    assert "10000 seeds" in (ten_thousand / "run" / "report.md").read_text()


def finished(place: Path, cells: int) -> Path:
    """A place with a suite of so many cells, and a finished run of it."""
    make_place(place)
    text = TINY.replace("[frozen, full]", "frozen").replace(
        "protocol: quick, batch_size: 8, seconds: 0", "protocol: none"
    )
    (place / "many.yaml").write_text(f"{text}seeds: 0-{cells - 1}\n")
    suite = load_suite(place / "many.yaml")
    found = expand(suite)
    places = Places(None, None, place / "cache", None, suite.dataset_paths, False, None)
    inputs, ids = find_inputs(found, places), [cell.id for cell in found]
    folder = create(place / "run", suite.name, suite.text, ids, datetime.now(UTC))
    for cell in found:
        job = inputs.job(cell)
        assert job.data is not None
        record = builders.record(cell, data=job.data.provenance(), weights=job.weights, timings=None)
        Store(folder.path).write(record)
    return place


@pytest.mark.parametrize("cells", [1000, 10_000])
def test_resume_of_a_finished_run(benchmark: BenchmarkFixture, tmp_path: Path, cells: int) -> None:
    place = finished(tmp_path / "place", cells)
    done = benchmark.pedantic(
        lambda: fresh_tlbench_in(place, "run", "many.yaml", "--out", "run"), rounds=3, warmup_rounds=1
    )
    assert f"All {cells} cells are done already" in done.stderr


def test_plan_of_ten_thousand_cells(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    place = make_place(tmp_path / "place")
    (place / "many.yaml").write_text(f"{TINY}seeds: 0-4999\n")
    done = benchmark.pedantic(lambda: fresh_tlbench_in(place, "plan", "many.yaml"), rounds=3)
    assert "10000 cells, 0 done." in done.stdout


def test_which_of_ten_thousand_are_done(benchmark: BenchmarkFixture, ten_thousand: Path) -> None:
    assert len(benchmark(done, Store(ten_thousand / "run"))) == 10_000


def test_decode_400_images(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    counts = {"train": 100, "validation": 50, "test": 50}
    synthetic.write_tree(tmp_path / "data/cats_dogs", ("cats", "dogs"), counts, 320)
    number = iter(range(1000))

    def decode() -> None:
        cache = tmp_path / f"cache{next(number)}"
        prepare(
            Named(name="cats_dogs"),
            Limit(),
            96,
            root=tmp_path / "data",
            path=None,
            cache=cache,
            fallback_synthetic=False,
        )

    benchmark.pedantic(decode, rounds=5)
