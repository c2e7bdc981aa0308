"""`tlbench pairs`: which differences in accuracy are real."""

import json
from collections.abc import Sequence
from pathlib import Path

import click

from tlbench.cli.show import NothingToShowError, find_run, read_runs
from tlbench.core.errors import UserError, nearest
from tlbench.regression.contrasts import Contrast, best_against_rest, compare
from tlbench.reporting.render import terminal
from tlbench.reporting.views.contrasts import table
from tlbench.results.record import Record
from tlbench.results.store import Store, UnreadableError


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("cells", metavar="[CELL CELL]", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
def command(run: Path, cells: tuple[str, ...], as_json: bool) -> None:
    """Test cells of RUN against each other on the same images: McNemar's exact test, adjusted by Holm.

    Without cells, the best of each data set is tested against all others. A CELL is an id of `tlbench plan`, or the
    beginning of one.

    Example: tlbench pairs results/small
    """
    folder = find_run(run)
    records = [one.record for one in read_runs([folder]) if one.record.accuracy and one.record.data]
    couples = [_couple(records, cells)] if cells else best_against_rest(records)
    if not couples:
        raise NothingToShowError(f"{folder.path} has no two cells that were tested on the same images")
    store = Store(folder.path)
    needed = {one.cell_id for couple in couples for one in couple}
    try:
        contrasts = compare(couples, {cell_id: store.read_right(cell_id) for cell_id in needed})
    except (UnreadableError, ValueError) as error:
        raise UserError(f"{error}; choose other cells, or run the suite again") from error
    click.echo(_json(contrasts) if as_json else terminal.text(table(contrasts)))


def _couple(records: Sequence[Record], cells: tuple[str, ...]) -> tuple[Record, Record]:
    if len(cells) != 2:
        raise UserError(f"give two cells, or none; here are {len(cells)}")
    first, second = (_find(records, cell) for cell in cells)
    return first, second


def _find(records: Sequence[Record], cell: str) -> Record:
    found = [record for record in records if record.cell_id.startswith(cell)]
    if len(found) == 1:
        return found[0]
    ids = [record.cell_id for record in records]
    if found:
        raise UserError(f"{cell!r} is the beginning of {len(found)} cells; give more of the id")
    raise UserError(f"there is no tested cell {cell!r}; {nearest(cell, ids, 'cells')}; `tlbench plan` lists them")


def _json(contrasts: Sequence[Contrast]) -> str:
    rows = [
        {
            "first": contrast.first.cell_id,
            "second": contrast.second.cell_id,
            "difference": contrast.difference,
            "only_first": contrast.only_first,
            "only_second": contrast.only_second,
            "p": contrast.p,
            "adjusted": contrast.adjusted,
            "verdict": contrast.verdict,
        }
        for contrast in contrasts
    ]
    return json.dumps(rows, indent=1)
