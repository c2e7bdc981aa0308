"""The peak memory of a cell, through the worker itself."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import builders
from tests.narrow import present
from tlbench.core.cell import Limit, Named
from tlbench.core.training import Training
from tlbench.datasets.prepare import prepare
from tlbench.datasets.source import ArraySplit, DataSource
from tlbench.execution import child, server
from tlbench.execution.job import Finished, Group, Job, Keep
from tlbench.execution.outcome import Returned
from tlbench.regression.side import entry
from tlbench.results.record import Record, WeightsProvenance

HELD = 500 * 2**20


def test_a_cell_that_allocates_500_megabytes_shows_them_in_its_peak(tmp_path: Path) -> None:
    server.start_server("tensorflow")
    ((more,), (less,)) = (peaks("cell_beside", [job(tmp_path)], held) for held in (HELD, 0))
    assert more - less == pytest.approx(HELD, rel=0.05)


def test_what_cells_share_counts_for_each_of_them_whichever_came_first(tmp_path: Path) -> None:
    server.start_server("tensorflow")
    jobs = [job(tmp_path, seed) for seed in (0, 1)]
    first, second = trained("cells_whose_features_take", jobs, HELD)
    assert abs(present(present(first.memory).peak) - present(present(second.memory).peak)) < 0.1 * HELD
    assert [entry(one, None).trained_on for one in (first, second)] == ["features", "features"]


def job(folder: Path, seed: int = 0) -> Job:
    limit = Limit(train=8, validation=4, test=4)
    cell = builders.cell(
        weights="random",
        dataset=Named(name="synthetic"),
        limit=limit,
        image_size=32,
        train=Training(epochs=1, batch_size=8, optimizer="adam", learning_rate=1e-3),
        seed=seed,
        timing=None,
    )
    data = prepare(cell.dataset, limit, 32, root=None, path=None, cache=folder, fallback_synthetic=True)
    return Job(cell, data, WeightsProvenance(source="random", fallback=False), None)


def peaks(target: str, jobs: list[Job], held: int) -> list[int]:
    return [present(present(record.memory).peak) for record in trained(target, jobs, held)]


def trained(target: str, jobs: list[Job], held: int) -> list[Record]:
    """The records of the jobs, trained by one of `tests.targets` that holds so many bytes."""
    heard: list[Any] = []
    outcome = child.run(
        f"tests.targets:{target}", (Group(tuple(jobs), None), held), on_message=heard.append, timeout=120
    )
    assert isinstance(outcome, Returned), outcome
    return [one.record for one in heard if isinstance(one, Finished)]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").exists(), reason="RLIMIT_DATA bounds private memory on Linux only")
@pytest.mark.parametrize("kept", [True, False], ids=["features", "images"])
def test_a_set_larger_than_the_memory_is_trained_on(tmp_path: Path, kept: bool) -> None:
    """14,000 images at 224 px are 2.1 GB; the process may have 2 GB, the framework included."""
    server.start_server("tensorflow")
    splits = {
        name: blank(tmp_path, name, count) for name, count in (("train", 14_000), ("validation", 32), ("test", 32))
    }
    cell = builders.cell(
        weights="random",
        image_size=224,
        train=Training(epochs=1, batch_size=32, optimizer="adam", learning_rate=1e-3),
        timing=None,
    )
    data = DataSource("blank", ("a", "b"), "synthetic", "", "blank", splits)
    job = Job(cell, data, WeightsProvenance(source="random", fallback=False), None)
    heard: list[Any] = []
    outcome = child.run(
        "tests.targets:train_with_little_memory",
        (Group((job,), Keep(tmp_path / "features", 10**9) if kept else None), 2 * 10**9),
        on_message=heard.append,
        timeout=900,
    )
    assert isinstance(outcome, Returned), outcome
    assert isinstance(heard[-1], Finished)
    assert present(heard[-1].record.path).whole == (None if kept else "asked for")


def blank(folder: Path, name: str, count: int) -> ArraySplit:
    """Black images that take no room on the disk, and labels by turns."""
    images, labels = folder / f"{name}.images", folder / f"{name}.labels"
    images.touch()
    os.truncate(images, count * 224 * 224 * 3)
    (np.arange(count, dtype=np.int32) % 2).tofile(labels)
    return ArraySplit(images, labels, 224, {"a": count - count // 2, "b": count // 2})
