"""The timing phase of one side with models that are played."""

from collections.abc import Callable
from pathlib import Path

from tests import builders
from tests.measuring.played import (
    TIMING,
    Heard,
    Host,
)
from tests.narrow import present
from tlbench.core.cell import Cell
from tlbench.measuring.phase import time_cells
from tlbench.results.measured import StepTiming
from tlbench.results.record import Record
from tlbench.results.store import Store

LONG = TIMING.model_copy(update={"iterations": 40})
"""Eight rounds of five steps: enough for an interval."""


def phase(
    folder: Path,
    cells: list[Cell],
    host: Host,
    rooms: int = 100,
    events: Heard | None = None,
    room: Callable[[int], bool] | None = None,
    readings: Path | None = None,
) -> dict[str, Record]:
    store = Store(folder)
    there = {record.cell_id for record in store.read_all().records}
    for one in cells:
        if one.id not in there:
            store.write(builders.record(one, timings=None))
    rooms_left = iter([True] * (rooms - 1) + [False] * 100)
    time_cells(
        cells, host, store, events or Heard(), timeout=1, logs=folder / "logs", readings=readings or folder / "readings",
        room=room or (lambda largest: next(rooms_left)),
    )  # fmt: skip
    assert all(model.closed for model in host.opened)
    return {record.cell_id: record for record in store.read_all().records}


def training(record: Record) -> StepTiming:
    return present(present(record.timings).training)
