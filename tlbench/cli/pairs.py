"""`tlbench pairs`: which differences in accuracy are real."""

import json
from collections.abc import Sequence
from pathlib import Path

import click

from tlbench.cli.terminal import say, width
from tlbench.regression.contrasts import Contrast
from tlbench.reporting.render import terminal
from tlbench.reporting.views.contrasts import tables
from tlbench.session.differences import differences


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("cells", metavar="[CELL CELL]", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def command(run: Path, cells: tuple[str, ...], as_json: bool) -> None:
    """Test recipes of RUN against each other on the same images, by all their seeds, adjusted by Holm.

    Of one seed, two trained models are compared (McNemar's exact test), not two recipes. Without cells, the best of
    each data set is tested against all others. A CELL is an id of `tlbench plan`, or the beginning of one, and stands
    for all seeds of its recipe.

    Example: tlbench pairs results/small
    """
    contrasts = differences(run, cells, say=say)
    click.echo(_json(contrasts) if as_json else terminal.text(*tables(contrasts), columns=width()))


def _json(contrasts: Sequence[Contrast]) -> str:
    rows = [
        {
            "first": contrast.first.records[0].cell_id,
            "second": contrast.second.records[0].cell_id,
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
