"""`tlbench baseline`: save a run as a small text file that can be committed."""

import json
from pathlib import Path

import click

from tlbench.cli.groups import Group
from tlbench.cli.options import PLACE, json_option, plugin_option
from tlbench.cli.terminal import say, width
from tlbench.core.text import counted
from tlbench.regression.side import Side
from tlbench.reporting.render import terminal
from tlbench.reporting.views.baseline import document
from tlbench.session.baseline import save as save_baseline
from tlbench.session.side import read_side


@click.group(cls=Group)
def command() -> None:
    """Save runs as a baseline: a small text file to commit, and to compare later runs with.

    Example: tlbench baseline save results/ci baselines/ci.json
    """


@command.command()
@click.argument("runs", metavar="RUN...", nargs=-1, type=PLACE)
@click.argument("file", type=PLACE)
@plugin_option
def save(runs: tuple[Path, ...], file: Path) -> int:
    """Write RUN (a run, or a folder of runs) to FILE. Several runs of a suite count as repeated measurements.

    Of a folder of runs, the cells of its newest run are written.

    Example: tlbench baseline save results/ci baselines/ci.json
    """
    if not runs:  # click takes a single argument as FILE, but a folder can only be RUN
        missing = "FILE" if file.is_dir() else "RUN..."
        raise click.UsageError(f"Missing argument {missing!r}.", click.get_current_context())
    if file.is_dir():
        raise click.UsageError(f"FILE {str(file)!r} is a directory.", click.get_current_context())
    side, number = save_baseline(runs, file)
    for note in side.notes:
        say(f"note: {note}")
    for entry in side.entries:
        if not entry.ok:
            say(f"note: {entry.cell.label} failed; it is saved as failed")
    say(f"{file}: {counted(len(side.entries), 'cell')} of {counted(number, 'run')}")
    return 0


@command.command()
@click.argument("file", type=PLACE)
@json_option
def show(file: Path, as_json: bool) -> int:
    """Print the metrics of each cell in FILE, a baseline or a run.

    Example: tlbench baseline show baselines/ci.json
    """
    side = read_side(file)
    click.echo(_json(side) if as_json else terminal.render(document(side), width()), nl=as_json)
    return 0


def _json(side: Side) -> str:
    return json.dumps(side.model_dump(mode="json", exclude_defaults=True), indent=1, ensure_ascii=False)
