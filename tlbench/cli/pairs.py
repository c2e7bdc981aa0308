"""`tlbench pairs`: which differences in accuracy are real."""

import json
from collections.abc import Sequence
from pathlib import Path

import click
from tabulate import tabulate

from tlbench.cli.terminal import say
from tlbench.reporting.pairs import Pair
from tlbench.session.differences import differences


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
    tested = differences(run, cells, say=say)
    click.echo(_json(tested) if as_json else _text(tested))


def _text(pairs: Sequence[Pair]) -> str:
    headings = ["First", "Second", "Top-1", "Difference", "Only first right", "Only second right", "p (Holm)", ""]
    rows = []
    for pair in pairs:
        first, second = pair.first.accuracy, pair.second.accuracy
        assert first is not None
        assert second is not None
        rows.append(
            [
                pair.first.cell.label,
                pair.second.cell.label,
                f"{first.top1:.1%} / {second.top1:.1%}",
                f"{pair.difference * 100:+.1f}",
                pair.only_first,
                pair.only_second,
                f"{pair.adjusted:.2g}",
                pair.verdict,
            ]
        )
    return tabulate(rows, headings, disable_numparse=True)


def _json(pairs: Sequence[Pair]) -> str:
    rows = [
        {
            "first": pair.first.cell_id,
            "second": pair.second.cell_id,
            "difference": pair.difference,
            "only_first": pair.only_first,
            "only_second": pair.only_second,
            "p": pair.p,
            "adjusted": pair.adjusted,
            "verdict": pair.verdict,
        }
        for pair in pairs
    ]
    return json.dumps(rows, indent=1)
