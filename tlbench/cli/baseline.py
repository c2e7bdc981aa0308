"""`tlbench baseline`: a run as a small text file that can be committed."""

import json
from pathlib import Path

import click

from tlbench.core.errors import UserError
from tlbench.regression import baseline
from tlbench.regression.entries import Side
from tlbench.reporting.render import terminal
from tlbench.reporting.views.baseline import document
from tlbench.results.run_folder import is_run, open_run, runs_under
from tlbench.session.loading import load_side, of_runs


@click.group()
def command() -> None:
    """Keep runs as a baseline: a small text file to commit, and to compare later runs with.

    Example: tlbench baseline save results/ci baselines/ci.json
    """


@command.command()
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def save(runs: tuple[Path, ...], file: Path) -> int:
    """Write RUN (a run, or a folder of runs) to FILE. Several runs of one suite are several draws of its times.

    Example: tlbench baseline save results/ci baselines/ci.json
    """
    folders = []
    for path in runs:
        found = [open_run(path)] if is_run(path) or not path.is_dir() else runs_under(path)
        if not found:
            raise UserError(f"{path} holds no run; `tlbench run SUITE` makes one")
        folders += found
    folders.sort(key=lambda one: one.run.created, reverse=True)
    suites = sorted({one.run.suite for one in folders})
    if len(suites) > 1:
        raise UserError(f"these are runs of different suites ({', '.join(suites)}); a baseline is of one suite")
    side = of_runs(folders, ", ".join(map(str, runs)))
    failed = [one.cell.label for one in side.entries if not one.ok]
    baseline.write(side, file)
    for note in side.notes:
        click.echo(f"note: {note}", err=True)
    for label in failed:
        click.echo(f"note: {label} failed, and is kept as failed", err=True)
    many = f"{len(side.entries)} cell{'s' if len(side.entries) != 1 else ''}"
    click.echo(f"{file}: {many} of {len(folders)} run{'s' if len(folders) != 1 else ''}", err=True)
    return 0


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
def show(file: Path, as_json: bool) -> int:
    """Print what FILE (or a run) says of each cell.

    Example: tlbench baseline show baselines/ci.json
    """
    side = load_side(file)
    click.echo(_json(side) if as_json else terminal.render(document(side)), nl=as_json)
    return 0


def _json(side: Side) -> str:
    return json.dumps(side.model_dump(mode="json", exclude_defaults=True), indent=1, ensure_ascii=False)
