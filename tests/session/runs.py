"""Runs made of hand-made records, on disk."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

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
