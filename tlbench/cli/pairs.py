"""`tlbench pairs`: test which differences in accuracy are significant."""

import json
from collections.abc import Sequence
from pathlib import Path

import click

from tlbench.cli.options import PLACE, json_option
from tlbench.cli.terminal import say, width
from tlbench.regression.contrasts import Contrast
from tlbench.reporting.render import terminal
from tlbench.reporting.views.contrasts import tables
from tlbench.session.differences import differences


@click.command()
@click.argument("run", type=PLACE)
@click.argument("cells", metavar="[CELL CELL]", nargs=-1)
@json_option
def command(run: Path, cells: tuple[str, ...], as_json: bool) -> None:
    """Test whether recipes of RUN differ in accuracy on the same test images, with Holm's correction.

    A recipe is a cell with all its seeds. With a single seed, McNemar's exact test compares two trained models, not two
    recipes. CELL is an id from `tlbench plan`, the beginning of one, a selection, as for `run --select`, that matches
    one cell, or a name as reports print it, and stands for its recipe. Without cells, the best recipe of each data set
    is tested against all others.

    Example: tlbench pairs results/small
    """
    contrasts = differences(run, cells, say=say)
    shown = tables(contrasts, of_best=not cells)
    click.echo(_json(contrasts) if as_json else terminal.text(*shown, columns=width()))


def _json(contrasts: Sequence[Contrast]) -> str:
    rows = [
        {
            "first": contrast.first.records[0].cell_id,
            "second": contrast.second.records[0].cell_id,
            "stand_ins": list(contrast.first.records[0].fallbacks),
            "seeds": [len(contrast.first.records), len(contrast.second.records)],
            "difference": contrast.difference,
            "low": contrast.low,
            "high": contrast.high,
            "only_first": contrast.only_first,
            "only_second": contrast.only_second,
            "p": contrast.p,
            "adjusted": contrast.adjusted,
            "verdict": contrast.verdict,
        }
        for contrast in contrasts
    ]
    return json.dumps(rows, indent=1)
