"""Read runs, write their reports, print their tables."""

from collections.abc import Collection, Sequence
from pathlib import Path

import click

from tlbench.cli.page import print_markdown
from tlbench.core.errors import UserError
from tlbench.core.files import write_atomically
from tlbench.reporting.formats import kept_files
from tlbench.reporting.report import Report, RunRecord
from tlbench.results.run_folder import RunFolder, is_run, open_run, runs_under
from tlbench.results.store import Store

SOME_FAILED, NOTHING = 2, 3


class NothingToShowError(UserError):
    """There is no record."""

    exit_code = NOTHING


def find_run(path: Path) -> RunFolder:
    """The run at `path`, or the newest of the runs in that folder. Raises UserError where there is neither."""
    if not path.exists():
        raise UserError(f"{path} does not exist; `tlbench run SUITE` makes a run")
    if not is_run(path) and (runs := runs_under(path)):
        click.echo(f"{path}: taking its newest run, {runs[0].path.name}", err=True)
        return runs[0]
    return open_run(path)


def read_runs(folders: Sequence[RunFolder], only: Collection[str] | None = None) -> list[RunRecord]:
    """The records of runs in the order of each run's cells; names the files that had to be set aside."""
    named = []
    for folder in folders:
        found = Store(folder.path).read_all()
        for aside in found.set_aside:
            click.echo(
                f"warning: {aside.path} is no readable record ({aside.reason}); run again to measure the cell", err=True
            )
        place = {cell_id: index for index, cell_id in enumerate(folder.run.cells)}
        records = sorted(found.records, key=lambda record: place.get(record.cell_id, len(place)))
        named += [RunRecord(folder.path.name, one) for one in records if only is None or one.cell_id in only]
    return named


def show_run(folder: RunFolder, only: Collection[str] | None = None) -> int:
    """Write the reports of a run into its folder and print the table; returns the exit code.

    The reports are of all the run's records, the exit code of the cells in `only`.
    """
    named = read_runs([folder])
    if not named:
        raise NothingToShowError(f"{folder.path} has no records yet; `tlbench run` makes them")
    for old in folder.path.glob("report.*"):
        old.unlink()
    files = kept_files(Report(f"tlbench: {folder.run.suite}", named))
    for name, content in files.items():
        write_atomically(folder.path / name, content)
    print_markdown(next(iter(files.values())).decode())  # Markdown is the first format
    click.echo(f"Reports: {', '.join(str(folder.path / name) for name in files)}", err=True)
    judged = [one.record for one in named if only is None or one.record.cell_id in only]
    return SOME_FAILED if any(record.trouble for record in judged) else 0
