"""Find the folders of runs, and read their records and reports."""

import logging
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from tlbench.core.errors import NothingThereError, UserError, argument, nearest
from tlbench.core.selection import select, selecting
from tlbench.core.text import first_of
from tlbench.results.record import Record
from tlbench.results.report_files import report_files
from tlbench.results.run_folder import RECORDS, RunFolder, is_run, open_run, record_files, runs_under
from tlbench.results.store import Records, Store

log = logging.getLogger("tlbench")

RESULTS = Path("results")
"""The default folder of runs, with a folder for each suite."""

NAMED = 5
"""At most so many folders are named in a sentence."""

WRITTEN = ("md", "txt")
"""The report files to check whether a report is up to date."""

PAGE = "html"
"""Ending of the report that is opened in a browser."""

StrPath = str | os.PathLike[str]

Run = StrPath | RunFolder
"""How callers name a run: by its folder."""

Say = Callable[[str], None]
"""Shows a sentence to the user."""


def as_path(given: StrPath, name: str) -> Path:
    """The value of the argument `name` as a path. Raises UserError if it is none, or empty."""
    if not isinstance(given, str | os.PathLike) or given == "":
        raise UserError(f"{name}: a path belongs here, not {given!r}")
    return Path(given)


def find_run(run: Run, say: Say) -> RunFolder:
    """The run in a folder, or the newest of the runs directly in it.

    Raises:
        NothingThereError: there is neither.
        UserError: the run is damaged, or of a newer schema.
    """
    if isinstance(run, RunFolder):
        return run
    path = as_path(run, "run")
    if not path.exists():
        raise NothingThereError(f"{path} does not exist; `tlbench run SUITE` makes a run")
    if not is_run(path) and (runs := runs_under(path, say)):
        newest = next((one for one in runs if one.has_records), runs[0])
        say(f"{path}: taking its newest run{'' if newest is runs[0] else ' with a record'}, {newest.path.name}")
        return newest
    if not is_run(path) and (below := _with_runs(path)):
        named = first_of(below, NAMED)
        raise NothingThereError(f"{path} is not the folder of a run, and has runs further below: name one of {named}")
    return open_run(path)


def _with_runs(path: Path) -> list[str]:
    """The folders in `path` that have runs directly in them, as those of suites in `RESULTS` do."""
    with suppress(OSError):
        return sorted(str(one) for one in path.iterdir() if one.is_dir() and any(map(is_run, one.iterdir())))
    return []


def read_records(folder: RunFolder) -> Records:
    """The records of a run in the order of its cells, and the files that cannot be read."""
    read = Store(folder.path).read_all()
    place = {cell_id: index for index, cell_id in enumerate(folder.run.cells)}
    ordered = sorted(read.records, key=lambda record: place.get(record.cell_id, len(place)))
    return Records(tuple(ordered), read.damaged)


def told_records(folder: RunFolder, say: Say) -> tuple[Record, ...]:
    """The records of a run in the order of its cells, with a warning to `say` for each damaged file."""
    read = read_records(folder)
    for file in read.damaged:
        say(f"warning: {file.path} is no readable record ({file.reason}); run again to measure the cell")
    return read.records


def itself_a_run(suite: str) -> str:
    """Why no run of `suite` can be made in its usual folder, if that is a run, as ``--out results/small`` makes it."""
    place, out = RESULTS / suite, argument("out")
    if not is_run(place):
        return ""
    return (
        f"{place}, where runs of this suite belong, is itself a run, made with {out}: name it with {out} to go on with "
        "it, or another folder, or move it"
    )


def record_of(records: Sequence[Record], cell: str, kind: str = "cell") -> Record:
    """Find the record of one cell.

    Args:
        records: the records to search.
        cell: the id of the cell, a unique beginning of it, a selection ``key=pattern`` that matches one cell, or its
            name as reports print it.
        kind: what messages call the cell.

    Raises:
        UserError: no cell matches, or several do.
    """
    fitting = records_of(records, cell, kind)
    if len(fitting) == 1:
        return fitting[0]
    several = ", ".join(f"{record.cell_id} ({record.cell.label})" for record in fitting)
    terms, among = (cell, fitting) if "=" in cell and not _named(records, cell) else ("", records)
    one = selecting(fitting[0].cell, [record.cell for record in among], terms)
    raise UserError(f"{cell!r} means {len(fitting)} cells, one is needed: {several}; {one!r} is the first of them")


def records_of(records: Sequence[Record], cell: str, kind: str = "cell") -> list[Record]:
    """Find the records that `cell` may mean, at least one. The arguments and errors are those of `record_of`."""
    if not (fitting := _named(records, cell)):
        if "=" in cell:
            chosen = {one.id for one in select([record.cell for record in records], cell, kind)}
            fitting = [record for record in records if record.cell.id in chosen]
        else:
            fitting = [record for record in records if record.cell_id.startswith(cell)]
    if fitting:
        return fitting
    ids = [record.cell_id for record in records]
    raise UserError(f"there is no {kind} {cell!r}; {nearest(cell, ids, 'cells')}; `tlbench plan` lists them")


def _named(records: Sequence[Record], cell: str) -> list[Record]:
    return [record for record in records if cell in (record.cell.label, record.cell.title)]


def outdate_report(folder: RunFolder) -> None:
    """Mark the run's report as out of date by its modification time, which works even if the clock was set back."""
    for file in report_files(folder.path, (*WRITTEN, PAGE)):
        os.utime(file, (0, 0))


def written_report(folder: RunFolder) -> tuple[str, str] | None:
    """The run's report in Markdown and as text if it is newer than all records; else None."""
    reports = _newer_than_records(folder, WRITTEN)
    return (reports[0].read_text(encoding="utf-8"), reports[1].read_text(encoding="utf-8")) if reports else None


def page(folder: RunFolder) -> Path | None:
    """The run's report as a page for a browser, where it is newer than all records; else None."""
    reports = _newer_than_records(folder, (PAGE,))
    return reports[0] if reports else None


def _newer_than_records(folder: RunFolder, kinds: Sequence[str]) -> list[Path]:
    """The run's report in each of `kinds`; empty where one is missing or older than a record."""
    reports = [file for kind in kinds for file in report_files(folder.path, {kind})]
    records = record_files(folder.path)
    if [file.suffix for file in reports] != [f".{kind}" for kind in kinds] or not records:
        return []
    changed = [*records, folder.path / RECORDS]  # the folder's time tells that a record was removed or set aside
    newest = max(one.stat().st_mtime_ns for one in changed)
    return [] if any(file.stat().st_mtime_ns < newest for file in reports) else reports
