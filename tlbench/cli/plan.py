"""`tlbench plan`: list the cells of a suite."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from tlbench.cli.options import (
    PLACE,
    data_option,
    json_option,
    plugin_option,
    select_option,
    shard_option,
    weights_option,
)
from tlbench.cli.terminal import say, width
from tlbench.core.cell import Cell
from tlbench.core.image_size import brief
from tlbench.core.text import counted
from tlbench.costs.predict import Cost
from tlbench.reporting.document import Note, Table
from tlbench.reporting.render import terminal
from tlbench.session.plan import plan, trials_of

UNTIMED, UNSURE = "trained, not timed", "trained earlier"


@click.command()
@click.argument("suite_file", metavar="SUITE", type=PLACE)
@click.option("--out", type=PLACE, help="Folder of the run to check for finished cells; default: the newest.")
@select_option
@shard_option
@data_option
@weights_option
@json_option
@plugin_option
def command(
    suite_file: Path,
    out: Path | None,
    expression: str,
    shard: str,
    data: Path | None,
    weights: Path | None,
    as_json: bool,
) -> None:
    """List the cells of SUITE, which of them are done, and what the rest will cost. Runs nothing, decodes no image.

    Example: tlbench plan suites/small.yaml --select strategy=frozen
    """
    chosen = plan(suite_file, select=expression, shard=shard, out=out, data=data, weights=weights)
    for note in chosen.notes:
        say(f"note {note}")
    cells, done, untimed = chosen.cells, chosen.done, chosen.untimed
    if as_json:
        rows = [
            {
                "id": c.id,
                "label": c.label,
                "trained": c.id in done | untimed,
                "done": c.id in done,
                "images": "not compared" if c.id in chosen.unsure else "as now" if c.id in done | untimed else None,
                "predicted": _predicted(chosen.costs.get(c.id)),
                "cell": c.model_dump(mode="json"),
            }
            for c in cells
        ]
        click.echo(json.dumps(rows, indent=1))
        return
    unsure = chosen.unsure - untimed
    states = (done, "yes"), (unsure, UNSURE), (untimed, UNTIMED)
    table = _table(cells, {cell_id: state for ids, state in states for cell_id in ids})
    click.echo(terminal.text(table, columns=width()))
    counts = (done - unsure, "done"), (unsure, "trained earlier"), (untimed, "trained and not timed")
    numbers = [(sum(cell.id in ids for cell in cells), state) for ids, state in counts]
    summary = ", ".join(f"{number} {state}" for number, state in numbers if number or state == "done")
    compared = "; images are compared when it runs" if any(cell.id in chosen.unsure for cell in cells) else ""
    click.echo(f"\n{counted(len(cells), 'cell')}, {summary}{compared}.")
    for sentence in chosen.sentences:
        click.echo(terminal.text(Note((sentence,)), columns=width()))


def _predicted(cost: Cost | None) -> dict[str, Any] | None:
    """The predicted cost and the factor by which it may be off; None for cells that are done or cannot be predicted."""
    return None if cost is None else asdict(cost) | {"factor": cost.factor}


def _table(cells: Sequence[Cell], states: Mapping[str, str]) -> Table:
    """A row for each cell. Columns of `ONLY_IF_VARIED` with one value are left out, and trials if there are none.

    Args:
        cells: the cells.
        states: the text of the column Done by cell id; empty for others.
    """
    left_out = {heading for heading in ONLY_IF_VARIED if len({COLUMNS[heading](cell) for cell in cells}) == 1}
    if not any(map(trials_of, cells)):
        left_out.add("Trials")
    columns = [heading for heading in COLUMNS if heading not in left_out]
    rows = [[*(COLUMNS[heading](cell) for heading in columns), states.get(cell.id, "")] for cell in cells]
    return Table.of([*columns, "Done"], rows)


def _image(cell: Cell) -> str:
    return brief(cell.image_size) + (f" ({cell.resize})" if cell.resize != "stretch" else "")


COLUMNS: dict[str, Callable[[Cell], str]] = {
    "Id": lambda cell: cell.id,
    "Backbone": lambda cell: cell.backbone.label,
    "Data set": lambda cell: cell.dataset.label,
    "Images per class": lambda cell: str(cell.limit.train or "all"),
    "Strategy": lambda cell: cell.strategy.label,
    "Head": lambda cell: cell.head.label,
    "Image": _image,
    "Epochs": lambda cell: str(cell.train.epochs) if cell.train and cell.train.epochs else "",
    "Rate": lambda cell: cell.train.rate if cell.train and cell.train.epochs else "",
    "Precision": lambda cell: cell.precision,
    "Backend": lambda cell: cell.backend,
    "Seed": lambda cell: str(cell.seed),
    "Trials": lambda cell: str(trials_of(cell) or ""),
}
ONLY_IF_VARIED = ("Images per class", "Precision", "Backend")
