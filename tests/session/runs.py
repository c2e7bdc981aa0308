"""Runs made of hand-made records, on disk."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from tests import builders
from tlbench.results.record import Record
from tlbench.results.run_folder import RunFolder, create
from tlbench.results.store import Store

SUITE = """\
name: made
datasets: cats_dogs
backbones: {name: MobileNet, alpha: 0.25}
strategies: frozen
train: {epochs: 3}
gates: {time: 7%}
"""


def make_run(
    folder: Path,
    records: Sequence[Record] = (),
    *,
    day: int = 1,
    suite: str = "made",
    cells: Sequence[str] | None = None,
) -> RunFolder:
    """A run with `records`, begun on a day of January 2026."""
    ids = [record.cell_id for record in records] if cells is None else cells
    run = create(folder, suite, SUITE, ids, datetime(2026, 1, day, tzinfo=UTC))
    for record in records:
        Store(folder).write(record)
    return run


def seeds(*numbers: int) -> list[Record]:
    return [builders.record(builders.cell(seed=seed)) for seed in numbers]


def keep_answers(folder: Path, record: Record) -> None:
    """Predictions of which the first are right, as many as the record says."""
    assert record.accuracy is not None
    right = np.arange(record.accuracy.images) < record.accuracy.correct
    probabilities = np.stack([right, ~right], axis=1).astype(np.float32)
    Store(folder).write_predictions(record.cell_id, {"test": (probabilities, np.zeros(len(right), np.int32))})
