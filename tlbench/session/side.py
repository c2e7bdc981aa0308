"""Read a side of a comparison: a run, a folder of runs, or a baseline."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set

from pydantic import ValidationError

from tlbench.core.errors import NothingThereError
from tlbench.core.text import counted, first_of
from tlbench.regression import baseline
from tlbench.regression.entries import Entry
from tlbench.regression.gates import Gates
from tlbench.regression.side import Side, entry, merged, unlike
from tlbench.results.encoding import UnreadableError
from tlbench.results.migrations import RecordTooNewError
from tlbench.results.record import Record
from tlbench.results.run_folder import SUITE_FILE, RunFolder, is_run, open_run, runs_under, shortfall
from tlbench.results.run_folder import left_out as unread
from tlbench.results.store import Store
from tlbench.session.folder import NAMED, Run, as_path, read_records
from tlbench.suite.load import load_gates


def read_side(place: Run, base: Side | None = None) -> Side:
    """The side at `place`: the folder of a run, a folder of runs (each is one measurement), or a baseline.

    Args:
        place: where it is.
        base: the side to compare it with. Of several runs of a cell, those with a measurement of `base` are left out,
            unless there are no others.

    Raises:
        NothingThereError: there is none.
        UserError: the baseline is damaged.
    """
    if isinstance(place, RunFolder):
        return side_of([place], str(place.path), base=base)
    path = as_path(place, "run")
    if path.is_file():
        return baseline.read(path)
    if not path.exists():
        raise NothingThereError(f"{path} does not exist; `tlbench run SUITE` makes a run, `baseline save` a baseline")
    left_out: list[str] = []
    folders = [open_run(path)] if is_run(path) else runs_under(path, left_out.append)
    if not folders:
        raise NothingThereError(f"{path} is no run, and there is none directly in it; `tlbench run SUITE` makes one")
    return side_of(folders, str(path), left_out, base=base, cells=cells_of(folders))


def cells_of(folders: Sequence[RunFolder]) -> Set[str]:
    """The cells of each suite, as its newest run that has a record has them: without those of earlier versions."""
    newest: dict[str, RunFolder] = {}
    for folder in sorted(folders, key=lambda one: one.run.created):
        if folder.run.suite not in newest or folder.has_records:
            newest[folder.run.suite] = folder
    return {cell for folder in newest.values() for cell in folder.run.cells}


class Seen:
    """Recognizes copies of records, so that each measurement counts once.

    A record has copies if another run has taken it over, or if the folder of a run was copied.

    Attributes:
        copies: the number of records that were copies.
    """

    def __init__(self) -> None:
        self.copies = 0
        self._copies: dict[tuple[str, str, str], bool] = {}
        self._phases: set[tuple[object, ...]] = set()

    def again(self, record: Record, run: RunFolder) -> bool:
        """Whether this is a copy of a record that was seen before. A record that is older than its run is a copy."""
        is_copy = self._again(record, run)
        self.copies += is_copy
        return is_copy

    def _again(self, record: Record, run: RunFolder) -> bool:
        made = (record.cell_id, record.provenance.started, record.provenance.finished)
        copy = record.provenance.finished < run.run.created
        begun = (run.run.suite, run.run.created, run.run.commit)
        in_run = (*begun, *made, *sorted(record.phases.items()))  # no two trainings take equal times
        if made not in self._copies:
            self._copies[made] = copy
            self._phases.add(in_run)
            return False
        if in_run in self._phases:
            return True
        self._phases.add(in_run)
        return copy or self._copies[made]


def side_of(
    folders: Sequence[RunFolder],
    name: str,
    left_out: Sequence[str] = (),
    seen: Seen | None = None,
    answers: bool = True,
    base: Side | None = None,
    cells: Collection[str] | None = None,
) -> Side:
    """Make a side of one or several runs.

    Args:
        folders: the runs, the newest first. Of several, those that cannot be read are skipped with a note.
        name: how messages call the side.
        left_out: notes about other runs.
        seen: records that have been counted already.
        answers: whether to read the answers to test images, for the newest record of each cell.
        base: as for `read_side`.
        cells: only these cells, by id; others, of an earlier version of the suite, are left out with a note.

    Raises:
        NothingThereError: the runs have no records.
    """
    notes, seen = list(left_out), seen or Seen()
    copies = seen.copies
    found_in: dict[str, list[tuple[RunFolder, Entry]]] = {}
    for folder in folders:
        try:
            entries = _entries(folder, notes, seen, lambda record: answers and record.cell_id not in found_in)
        except (RecordTooNewError, OSError) as error:
            if len(folders) == 1:
                raise
            notes.append(unread(folder.path, error))
            continue
        for one in entries:
            found_in.setdefault(one.cell.id, []).append((folder, one))
    if not found_in and seen.copies > copies:
        raise NothingThereError(f"{name} has only copies of records that other runs have too")
    if not found_in:
        raise NothingThereError(f"{name} has no records; run the suite to its end first")
    notes += _earlier(found_in, cells)
    found_in = {cell: found for cell, found in found_in.items() if cells is None or cell in cells} or found_in
    known = {each for one in base.entries for each in one.measured} if base else set()
    by_cell = {cell: _of_its_own(found, known) for cell, found in found_in.items()}
    newest = folders[0]
    if not (newest.path / SUITE_FILE).is_file():
        notes.append(f"{newest.path} has no {SUITE_FILE} any more: its gates are the defaults")
    taken = [folder for folder in folders if _counts(folder, by_cell.values())]
    if len(folders) > 1:
        notes = [_which(name, taken, folders), *_left_out(folders, by_cell.values()), *notes]
    return Side(
        name=name,
        entries=tuple(merged([one for _, one in several]) for several in by_cell.values()),
        kind="run" if len(folders) == 1 else "runs",
        suite=newest.run.suite,
        created=newest.run.created,
        commit=newest.run.commit,
        gates=_gates(newest),
        planned=len(newest.run.cells),
        notes=tuple(notes),
        taken=len(taken),
    )


Found = Sequence[tuple[RunFolder, Entry]]
"""The entries of one cell, the newest first, each with its run."""


def _of_its_own(found: Found, known: Set[str]) -> Found:
    """The entries of a cell whose measurement is not `known`; all of them if there is none."""
    return [(run, one) for run, one in found if not known >= set(one.measured)] or found


def _counts(folder: RunFolder, cells: Iterable[Found]) -> bool:
    """Whether a run has an entry that can be merged with the newest entry of its cell."""
    return any(run is folder and not unlike(one, found[0][1]) for found in cells for run, one in found)


def _which(name: str, taken: Sequence[RunFolder], folders: Sequence[RunFolder]) -> str:
    """A sentence that says which of several runs count; worded as in `find_run` if only the newest does."""
    if [folder.path for folder in taken] == [folders[0].path]:
        return f"{name}: taking its newest run, {taken[0].path.name}"
    which = first_of([folder.path.name for folder in taken], NAMED)
    many = f"all {len(folders)} runs" if len(taken) == len(folders) else f"{len(taken)} of {len(folders)} runs"
    return f"{name}: taking {many} ({which}); the accuracy of a cell is that of its newest run"


def _left_out(folders: Sequence[RunFolder], cells: Iterable[Found]) -> list[str]:
    """For each run with cells that cannot be merged, a note with their number and the reason."""
    cells, notes = list(cells), []
    for folder in folders:
        pairs = [(one, found[0][1]) for found in cells for run, one in found if run is folder]
        reasons = Counter(", ".join(why) for one, newest in pairs if (why := unlike(one, newest)))
        notes += [
            f"left out: {folder.path} in {counted(number, 'cell')} (other {why} than in the newest run of the cell)"
            for why, number in reasons.items()
        ]
    more = [f"left out: {len(notes) - NAMED} more of the same kind"] if len(notes) > NAMED else []
    return [*notes[:NAMED], *more]


def _earlier(found_in: Mapping[str, Found], cells: Collection[str] | None) -> list[str]:
    """A note about cells that are not among `cells`; none if all are, or no cell is."""
    others = [found[0] for cell, found in found_in.items() if cells is not None and cell not in cells]
    if not others or len(others) == len(found_in):
        return []
    named = first_of([f"{one.cell.label} in {run.path.name}" for run, one in others], NAMED, "; ")
    return [f"left out: {counted(len(others), 'cell')} that the suite of the newest run does not have ({named})"]


def _entries(folder: RunFolder, notes: list[str], seen: Seen, with_answers: Callable[[Record], bool]) -> list[Entry]:
    """The entries of a run in the order of its cells; damaged files are listed in `notes`."""
    store, read = Store(folder.path), read_records(folder)
    notes += [f"{file.path} is no readable record ({file.reason})" for file in read.damaged]
    if read.records and (short := shortfall(folder.run, [record.cell_id for record in read.records])):
        notes.append(f"{folder.path}: {short} have a record")
    entries = []
    for record in read.records:
        if seen.again(record, folder):
            continue
        right = None
        if record.accuracy is not None and with_answers(record):
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
    return load_gates(file) if file.is_file() else Gates()
