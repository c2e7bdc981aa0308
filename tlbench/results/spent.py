"""What a budget was spent on, and what it was not: kept beside the records of a run."""

from pathlib import Path

from pydantic import ValidationError

from tlbench.core.files import OddFileError, read_file, write_atomically
from tlbench.core.value import Value

BUDGET_FILE = "budget.json"
MOST_BYTES = 64 * 2**20


class Unspent(Value):
    """A cell that was not run. seconds: what it is predicted to take; None where that is not known."""

    cell_id: str
    label: str
    seconds: float | None


class Spent(Value):
    """budget, seconds: what there was, and the wall time that the last call of the run took. rungs: the ids of cells
    that were run, rung by rung. not_run: the others.
    """

    budget: float
    seconds: float
    rungs: tuple[tuple[str, ...], ...]
    not_run: tuple[Unspent, ...]


def write_spent(folder: Path, spent: Spent) -> None:
    """Into the folder of a run, in the place of an earlier one."""
    write_atomically(folder / BUDGET_FILE, (spent.model_dump_json(indent=1) + "\n").encode())


def read_spent(folder: Path) -> Spent | None:
    """Of the run in `folder`; None where it had no budget, or the file is damaged: nothing is judged by it."""
    try:
        return Spent.model_validate_json(read_file(folder / BUDGET_FILE, MOST_BYTES))
    except (OSError, OddFileError, ValidationError):
        return None
