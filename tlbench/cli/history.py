"""`tlbench history`: how numbers moved over many runs."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from tlbench.core.files import write_atomically
from tlbench.regression.history import Series, series
from tlbench.reporting.history_page import render, sentence
from tlbench.results.run_folder import RUN_FILE, open_run
from tlbench.session.loading import NothingToCompareError, of_runs


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--html", "page", type=click.Path(path_type=Path), help="Write a static page with plots to this file.")
@click.option("--json", "as_json", is_flag=True, help="All series and their change points as JSON.")
def command(folder: Path, page: Path | None, as_json: bool) -> int:
    """Follow every number of every cell over all runs under DIR, and say where its level changed.

    Times and memory of different machines are followed apart. A change point takes about ten runs to be seen; counts
    are exact, and every change of one is told.

    Example: tlbench history results/ci --html history.html
    """
    runs = sorted(file.parent for file in folder.rglob(RUN_FILE)) if folder.is_dir() else []
    sides = []
    for path in runs:
        try:
            sides.append(of_runs([open_run(path)], path.name))
        except NothingToCompareError as error:
            click.echo(f"note: {error}", err=True)
    if not sides:
        raise NothingToCompareError(f"{folder} holds no run; `tlbench run SUITE` makes one")
    found = series(sides)
    if page is not None:
        write_atomically(page, render(f"tlbench: history of {folder}", found).encode())
        click.echo(f"Page: {page}", err=True)
    click.echo(_json(found) if as_json else _text(found, len(sides)))
    return 0


def _text(found: list[Series], runs: int) -> str:
    lines = [f"{one.cell}: {one.name}: {sentence(one, change)}" for one in found for change in one.changes]
    head = f"{runs} runs, {len(found)} series, {len(lines)} change{'s' if len(lines) != 1 else ''} of level"
    return "\n".join([head, *lines])


def _json(found: list[Series]) -> str:
    return json.dumps([asdict(one) for one in found], indent=1, ensure_ascii=False)
