"""`tlbench plan`: the cells of a suite."""

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from tlbench.cli.options import plugin_option, select_option, shard_option
from tlbench.cli.terminal import say
from tlbench.core.cell import Cell
from tlbench.core.image_size import brief
from tlbench.core.text import counted
from tlbench.costs.predict import Cost
from tlbench.reporting.document import Table
from tlbench.reporting.render import terminal
from tlbench.session.plan import plan, trials_of


@click.command()
@click.argument("suite_file", metavar="SUITE", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder of a run, to see what is done; default: the newest."
)
@select_option
@shard_option
@click.option("--json", "as_json", is_flag=True, help="The whole cells, as JSON.")
@plugin_option
def command(suite_file: Path, out: Path | None, expression: str, shard: str, as_json: bool) -> None:
    """List the cells of SUITE and which of them are done. Runs nothing, looks for no data.

    Example: tlbench plan suites/small.yaml --select strategy=frozen
    """
    chosen = plan(suite_file, select=expression, shard=shard, out=out)
    for note in chosen.notes:
        say(f"note {note}")
    cells, done = chosen.cells, chosen.done
    if as_json:
        rows = [
            {
                "id": c.id,
                "label": c.label,
                "done": c.id in done,
                "predicted": _predicted(chosen.costs.get(c.id)),
                "cell": c.model_dump(mode="json"),
            }
            for c in cells
        ]
        click.echo(json.dumps(rows, indent=1))
        return
    click.echo(terminal.text(_table(cells, done)))
    click.echo(f"\n{counted(len(cells), 'cell')}, {len(cells) - len(chosen.to_do)} done.")
    for sentence in chosen.sentences:
        click.echo(sentence)


def _predicted(cost: Cost | None) -> dict[str, Any] | None:
    """Seconds, bytes, and by how much the seconds may be off; None for what is done or cannot be told."""
    return None if cost is None else asdict(cost) | {"factor": cost.factor}


def _table(cells: Sequence[Cell], done: Collection[str]) -> Table:
    """A line for each cell; how many images it trains on has a column where that varies, trials where there are any."""
    rows, headings = [_row(cell, cell.id in done) for cell in cells], list(HEADINGS)
    if len({cell.limit.train for cell in cells}) > 1:
        headings.insert(IMAGES_AT, "Images per class")
        for row, cell in zip(rows, cells, strict=True):
            row.insert(IMAGES_AT, str(cell.limit.train or "all"))
    if any(map(trials_of, cells)):
        headings.append("Trials")
        for row, cell in zip(rows, cells, strict=True):
            row.append(str(trials_of(cell) or ""))
    return Table.of(headings, rows)


IMAGES_AT = 3
HEADINGS = ["Id", "Backbone", "Data set", "Strategy", "Head", "Image", "Epochs", "Rate", "Seed", "Done"]


def _row(cell: Cell, done: bool) -> list[str]:
    return [
        cell.id,
        cell.backbone.label,
        cell.dataset.label,
        cell.strategy.label,
        cell.head.label,
        brief(cell.image_size) + (f" ({cell.resize})" if cell.resize != "stretch" else ""),
        str(cell.train.epochs) if cell.train and cell.train.epochs else "",
        cell.train.rate if cell.train and cell.train.epochs else "",
        str(cell.seed),
        "yes" if done else "",
    ]
