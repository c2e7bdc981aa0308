"""How a time budget was spent, stored beside the records of a run."""

from collections.abc import Collection
from pathlib import Path
from typing import Self

from pydantic import ValidationError

from tlbench.core.files import OddFileError, read_file, write_atomically
from tlbench.core.value import Value

BUDGET_FILE = "budget.json"
MOST_BYTES = 64 * 2**20
"""Largest size of the file in bytes."""


class Unspent(Value):
    """A cell that was not run.

    Attributes:
        cell_id: the cell.
        label: its label.
        seconds: the predicted time; None if unknown.
    """

    cell_id: str
    label: str
    seconds: float | None


class Spent(Value):
    """How a time budget was spent.

    Attributes:
        budget: the budget in seconds.
        seconds: the wall time of the last call of the run.
        rungs: the ids of the cells that were run, by rung.
        not_run: the other cells.
    """

    budget: float
    seconds: float
    rungs: tuple[tuple[str, ...], ...]
    not_run: tuple[Unspent, ...]

    def without(self, run_later: Collection[str]) -> Self:
        """The same, without the cells in `run_later` (by id) among those that were not run."""
        return self.model_copy(update={"not_run": tuple(one for one in self.not_run if one.cell_id not in run_later)})


def write_spent(folder: Path, spent: Spent) -> None:
    """Write or replace the file in the folder of a run."""
    write_atomically(folder / BUDGET_FILE, (spent.model_dump_json(indent=1) + "\n").encode())


def read_spent(folder: Path) -> Spent | None:
    """Read the file in the folder of a run; None if there is none or it is damaged, because nothing depends on it."""
    try:
        return Spent.model_validate_json(read_file(folder / BUDGET_FILE, MOST_BYTES))
    except (OSError, OddFileError, ValidationError):
        return None
