"""The peak memory of a cell, through the worker itself."""

from pathlib import Path
from typing import Any

import pytest

from tests import builders
from tlbench.datasets.prepare import prepare
from tlbench.execution import child
from tlbench.execution.job import Finished, Group, Job
from tlbench.results.record import WeightsProvenance
from tlbench.suite.cell import Limit, Named, Training


def peak(job: Job, held: int) -> int:
    heard: list[Any] = []
    group = Group((job,), None)
    outcome = child.run("tests.targets:cell_beside", (group, held), on_message=heard.append, timeout=120)
    assert isinstance(outcome, child.Returned), outcome
    assert isinstance(heard[-1], Finished)
    memory = heard[-1].record.memory
    assert memory is not None
    assert memory.peak is not None
    return memory.peak


def test_a_cell_that_allocates_500_megabytes_shows_them_in_its_peak(tmp_path: Path) -> None:
    child.start_server("tensorflow")
    limit = Limit(train=8, validation=4, test=4)
    cell = builders.cell(
        weights="random",
        dataset=Named(name="synthetic"),
        limit=limit,
        image_size=32,
        train=Training(epochs=1, batch_size=8, optimizer="adam", learning_rate=1e-3),
        timing=None,
    )
    data = prepare(cell.dataset, limit, 32, root=None, path=None, cache=tmp_path, fallback_synthetic=True)
    job = Job(cell, data, WeightsProvenance(source="random", fallback=False), None)
    held = 500 * 2**20
    assert peak(job, held) - peak(job, 0) == pytest.approx(held, rel=0.05)
