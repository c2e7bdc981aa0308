"""`tlbench history`: how numbers moved over many runs."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from tlbench.regression.history import Series, series
from tlbench.reporting.output import write
from tlbench.reporting.render import html, terminal
from tlbench.reporting.views.series import page, summary
from tlbench.results.run_folder import RUN_FILE, open_run
from tlbench.session.loading import NothingToCompareError, of_runs


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--html", "file", type=click.Path(path_type=Path), help="Write a static page with plots to this file.")
@click.option("--json", "as_json", is_flag=True, help="All series and their change points as JSON.")
def command(folder: Path, file: Path | None, as_json: bool) -> int:
    """Follow every number of every cell over all runs under DIR, and say where its level changed.

    Times and memory of different machines are followed apart. A change point takes about ten runs to be seen; counts
    are exact, and every change of one is told.

    Example: tlbench history results/ci --html history.html
    """
    runs = sorted(found.parent for found in folder.rglob(RUN_FILE)) if folder.is_dir() else []
    sides = []
    for path in runs:
        try:
            sides.append(of_runs([open_run(path)], path.name))
        except NothingToCompareError as error:
            click.echo(f"note: {error}", err=True)
    if not sides:
        raise NothingToCompareError(f"{folder} holds no run; `tlbench run SUITE` makes one")
    found = series(sides)
    if file is not None:
        write(html.render(page(f"tlbench: history of {folder}", found)), file)
        click.echo(f"Page: {file}", err=True)
    click.echo(_json(found) if as_json else terminal.text(*summary(found, len(sides))))
    return 0


def _json(found: list[Series]) -> str:
    return json.dumps([asdict(one) for one in found], indent=1, ensure_ascii=False)
