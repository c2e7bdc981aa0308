"""Read one side of a comparison: a run, a folder of runs, or a committed baseline."""

from collections.abc import Sequence
from pathlib import Path

from tlbench.core.errors import UserError
from tlbench.regression import baseline
from tlbench.regression.entries import Entry
from tlbench.regression.gates import Gates
from tlbench.regression.side import Side, entry, merged
from tlbench.results.run_folder import SUITE_FILE, RunFolder, is_run, open_run, runs_under
from tlbench.results.store import Store, UnreadableError
from tlbench.suite.load import load_suite


class NothingToCompareError(UserError):
    """There is no baseline, or no run."""

    exit_code = 3


def load_side(path: Path) -> Side:
    """The side at `path`. Raises NothingToCompareError where there is none, UserError for a damaged baseline."""
    if path.is_file():
        return baseline.read(path)
    if not path.exists():
        raise NothingToCompareError(
            f"{path} does not exist; `tlbench run SUITE` makes a run, `baseline save` a baseline"
        )
    folders = [open_run(path)] if is_run(path) else runs_under(path)
    if not folders:
        raise NothingToCompareError(
            f"{path} is no run, and there is none directly in it; `tlbench run SUITE` makes one"
        )
    return of_runs(folders, str(path))


def of_runs(folders: Sequence[RunFolder], name: str) -> Side:
    """One or several runs, the newest first, as one side."""
    notes: list[str] = []
    by_cell: dict[str, list[Entry]] = {}
    for folder in folders:
        for one in entries_of(folder, notes):
            by_cell.setdefault(one.cell.id, []).append(one)
    if not by_cell:
        raise NothingToCompareError(f"{name} has no records; run the suite to its end first")
    newest = folders[0]
    return Side(
        name=name,
        entries=tuple(merged(several) for several in by_cell.values()),
        kind="run" if len(folders) == 1 else "runs",
        suite=newest.run.suite,
        created=newest.run.created,
        commit=newest.run.commit,
        gates=_gates(newest),
        notes=tuple(notes),
    )


def entries_of(folder: RunFolder, notes: list[str]) -> list[Entry]:
    """An entry for each record of a run, in the order of its cells; what could not be read is named in `notes`."""
    store = Store(folder.path)
    found = store.read_all()
    notes += [f"{aside.path} is no readable record ({aside.reason})" for aside in found.set_aside]
    place = {cell_id: index for index, cell_id in enumerate(folder.run.cells)}
    entries = []
    for record in sorted(found.records, key=lambda one: place.get(one.cell_id, len(place))):
        right = None
        if record.accuracy is not None:
            try:
                right = store.read_right(record.cell_id)
            except UnreadableError as error:
                notes.append(str(error))
        entries.append(entry(record, right))
    return entries


def _gates(folder: RunFolder) -> Gates:
    file = folder.path / SUITE_FILE
    return load_suite(file).gates if file.is_file() else Gates()
