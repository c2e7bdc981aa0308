"""Load the records of runs as a report, and write reports to files."""

import errno
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tlbench.core.errors import NothingThereError
from tlbench.core.files import write_atomically
from tlbench.datasets.names import shown
from tlbench.regression.contrasts import Right
from tlbench.reporting.formats import FORMATS, file_name, kept_files
from tlbench.reporting.report import Report, RunRecord
from tlbench.results.encoding import UnreadableError
from tlbench.results.record import Record
from tlbench.results.report_files import report_files
from tlbench.results.run_folder import RunFolder, shortfall
from tlbench.results.spent import Spent, read_spent
from tlbench.results.store import DamagedPredictionsError, Store
from tlbench.session.folder import WRITTEN, Run, Say, find_run, log, told_records


def load(run: Run, *more: Run, say: Say = log.warning) -> Report:
    """Load the records of one or several runs.

    Several runs are shown side by side: a CPU run and a GPU run of one suite fill two columns of a table.

    Args:
        run: the result of `tlbench.run`, the folder of a run, or a folder of runs, of which the newest is taken.
        *more: further runs.
        say: receives a sentence for each file that cannot be read.

    Returns:
        The report. Its `frame` is a pandas DataFrame with one row per record; docs/results-format.md lists the columns.
        In a notebook it shows its tables.

    Raises:
        NothingThereError: there are no records.
        UserError: there is no run.

    Examples:
        >>> import tlbench
        >>> report = tlbench.load("results/reference/small-cpu")
        >>> report.frame.groupby("strategy").top1.mean().round(3).to_dict()
        {'frozen': 0.833, 'full': 0.834, 'partial (trainable=0.3)': 0.832}
    """
    folders = [find_run(one, say) for one in (run, *more)]
    rows = [rows_of(folder, say, name) for folder, name in zip(folders, run_names(folders), strict=True)]
    named = [row for several in rows for row in several]
    if not named:
        raise NothingThereError(f"there is no record in {', '.join(str(folder.path) for folder in folders)}")
    for given, folder, several in zip((run, *more), folders, rows, strict=True):
        if not isinstance(given, RunFolder):  # who has made the run knows what was asked of it
            tell_shortfall(folder, several, say)
    titles = dict.fromkeys(_title(folder, several) for folder, several in zip(folders, rows, strict=True))
    return Report(f"tlbench: {', '.join(titles)}", named, spent=_spent(zip(folders, rows, strict=True)))


def _title(folder: RunFolder, rows: Sequence[RunRecord]) -> str:
    """The name of the suite, with the number of records if the run is incomplete."""
    short = shortfall(folder.run, [row.record.cell_id for row in rows])
    return f"{folder.run.suite} ({short})" if short else folder.run.suite


def tell_shortfall(folder: RunFolder, rows: Sequence[RunRecord], say: Say) -> None:
    """Say how many cells have a record if the run is incomplete, for formats that show no title."""
    if short := shortfall(folder.run, [row.record.cell_id for row in rows]):
        say(f"note: {folder.path}: {short} have a record")


def _spent(runs: Iterable[tuple[RunFolder, Sequence[RunRecord]]]) -> tuple[Spent, ...]:
    """How the budgets of runs were spent, without the cells that were run later, by a call without a budget."""
    return tuple(
        spent.without({row.record.cell_id for row in rows if row.record.status == "ok"})
        for folder, rows in runs
        if (spent := read_spent(folder.path))
    )


def run_names(folders: Sequence[RunFolder]) -> list[str]:
    """Names for runs: those of their folders, with as many parent folders as needed to make them unique."""
    paths = [folder.path.absolute() for folder in folders]
    return [shown(_name(path, set(paths))) for path in paths]


def _name(path: Path, paths: Collection[Path]) -> str:
    """The shortest end of a path that is unique among `paths`."""
    ends = (path.parts[-count:] for count in range(1, len(path.parts) + 1))
    return str(Path(*next(end for end in ends if sum(one.parts[-len(end) :] == end for one in paths) == 1)))


def rows_of(folder: RunFolder, say: Say, name: str = "") -> list[RunRecord]:
    """The records of a run with its `name`; `say` receives a sentence for each damaged record."""
    store, name = Store(folder.path), name or shown(folder.path.absolute().name)
    return [RunRecord(name, record, partial(_answers, store, record, say)) for record in told_records(folder, say)]


def _answers(store: Store, record: Record, say: Say) -> Right | None:
    try:
        return store.read_right(record)
    except DamagedPredictionsError as error:
        say(f"warning: {error}")
    except UnreadableError:
        pass
    return None


@dataclass(frozen=True)
class Written:
    """A report, the files that it was written to, and its content as Markdown and as a screenful of text."""

    report: Report
    files: tuple[Path, ...]
    markdown: str
    text: str

    def troubled(self, only: Collection[str] | None = None) -> tuple[Record, ...]:
        """The records of cells that failed or have no step times; `only`: the ids of cells to consider."""
        records = [row.record for row in self.report.rows]
        return tuple(one for one in records if one.trouble and (only is None or one.cell_id in only))


def write(folder: RunFolder, say: Say = log.warning) -> Written:
    """Write the report of a run into its folder in every format, replacing an earlier one.

    If the folder is read-only, `say` is told so, and no file is written.

    Raises:
        NothingThereError: there are no records.
    """
    named = rows_of(folder, say)
    if not named:
        raise NothingThereError(f"{folder.path} has no records yet; `tlbench run` makes them")
    report = Report(f"tlbench: {_title(folder, named)}", named, spent=_spent([(folder, named)]))
    files = {folder.path / name: content for name, content in kept_files(report).items()}
    written = _replace(folder.path, files, say)
    markdown, text = (files[folder.path / file_name(ending, named)].decode() for ending in ("md", "txt"))
    return Written(report, tuple(files) if written else (), markdown, text)


def _replace(folder: Path, files: Mapping[Path, bytes], say: Say) -> bool:
    """Write `files` and remove other files of an earlier report. Returns False if the folder is read-only.

    Those by which a report is known to be up to date come last, so that a killed process leaves none that seems to be.
    """
    endings = {form.extension for form in FORMATS.values() if form.kept}
    last = {f".{ending}" for ending in WRITTEN}
    try:
        for path in sorted(files, key=lambda path: path.suffix in last):
            write_atomically(path, files[path])
        for old in set(report_files(folder, endings)) - files.keys():
            old.unlink()
    except OSError as error:
        if error.errno not in {errno.EROFS, errno.EACCES, errno.EPERM}:
            raise
        say(f"note: {folder} may only be read ({error.strerror}); no report was written there")
        return False
    return True
