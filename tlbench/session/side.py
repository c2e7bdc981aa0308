"""One side of a comparison: a run, a folder of runs, or a committed baseline."""

from collections.abc import Sequence

from pydantic import ValidationError

from tlbench.regression import baseline
from tlbench.regression.entries import Entry
from tlbench.regression.gates import Gates
from tlbench.regression.side import Side, entry, merged
from tlbench.results.migrations import RecordTooNewError
from tlbench.results.run_folder import SUITE_FILE, RunFolder, is_run, open_run, runs_under, shortfall
from tlbench.results.store import Store, UnreadableError
from tlbench.session.folder import NothingThereError, Run, as_path, read_records
from tlbench.suite.load import load_suite


def read_side(place: Run) -> Side:
    """The side at `place`: a run's folder, a folder of runs (each is one draw), or the file of a baseline.

    Raises NothingThereError where there is none, UserError for a damaged baseline.
    """
    if isinstance(place, RunFolder):
        return side_of([place], str(place.path))
    path = as_path(place, "run")
    if path.is_file():
        return baseline.read(path)
    if not path.exists():
        raise NothingThereError(f"{path} does not exist; `tlbench run SUITE` makes a run, `baseline save` a baseline")
    left_out: list[str] = []
    folders = [open_run(path)] if is_run(path) else runs_under(path, left_out.append)
    if not folders:
        raise NothingThereError(f"{path} is no run, and there is none directly in it; `tlbench run SUITE` makes one")
    return side_of(folders, str(path), left_out)


def side_of(folders: Sequence[RunFolder], name: str, left_out: Sequence[str] = ()) -> Side:
    """One or several runs, the newest first, as one side; `left_out` are notes on others.

    Of several, one that cannot be read is left out and named. Raises NothingThereError where they have no record.
    """
    notes = list(left_out)
    by_cell: dict[str, list[Entry]] = {}
    for folder in folders:
        try:
            entries = _entries(folder, notes)
        except RecordTooNewError as error:
            if len(folders) == 1:
                raise
            notes.append(f"left out: {error}")
            continue
        for one in entries:
            by_cell.setdefault(one.cell.id, []).append(one)
    if not by_cell:
        raise NothingThereError(f"{name} has no records; run the suite to its end first")
    newest = folders[0]
    return Side(
        name=name,
        entries=tuple(merged(several) for several in by_cell.values()),
        kind="run" if len(folders) == 1 else "runs",
        suite=newest.run.suite,
        created=newest.run.created,
        commit=newest.run.commit,
        gates=_gates(newest),
        planned=len(newest.run.cells),
        notes=tuple(notes),
    )


def _entries(folder: RunFolder, notes: list[str]) -> list[Entry]:
    """An entry for each record of a run, in the order of its cells; what could not be read is named in `notes`."""
    store, read = Store(folder.path), read_records(folder)
    notes += [f"{file.path} is no readable record ({file.reason})" for file in read.set_aside]
    if read.records and (short := shortfall(folder.run, [record.cell_id for record in read.records])):
        notes.append(f"{folder.path}: {short} have a record")
    entries = []
    for record in read.records:
        right = None
        if record.accuracy is not None:
            try:
                right = store.read_right(record)
            except UnreadableError as error:
                notes.append(str(error))
        try:
            entries.append(entry(record, right))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            notes.append(f"left out: the record of cell {record.cell_id} in {folder.path} ({where}: {first['msg']})")
    return entries


def _gates(folder: RunFolder) -> Gates:
    file = folder.path / SUITE_FILE
    return load_suite(file).gates if file.is_file() else Gates()
