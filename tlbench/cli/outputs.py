"""What the commands that compare share: formats, gates, output."""

from collections.abc import Sequence
from pathlib import Path

import click

from tlbench.core.errors import UserError, nearest
from tlbench.regression.comparison import Comparison
from tlbench.regression.entries import Side
from tlbench.regression.gates import KINDS, Gates
from tlbench.reporting.comparison_formats import COMPARISON_FORMATS
from tlbench.reporting.output import printable, write
from tlbench.suite.schema import GatesSection

format_option = click.option(
    "--format",
    "formats",
    multiple=True,
    metavar="FORMAT[=FILE]",
    help=f"One of {', '.join(COMPARISON_FORMATS)}; may be given several times, with a file or printed. Default: text.",
)

gate_option = click.option(
    "--gate",
    "gates",
    multiple=True,
    metavar="KIND=SHARE",
    help="Another gate than the suite's for all cells: time=5%, accuracy=2pp or memory=10%.",
)


def gates_of(side: Side, asked: Sequence[str]) -> Gates:
    """The gates of a side's suite, with those of the command line in their place.

    Raises UserError for one that is not of the form kind=share.
    """
    if not asked:
        return side.gates
    changes: dict[str, str] = {}
    for one in asked:
        kind, equals, share = one.partition("=")
        if kind not in KINDS or not equals:
            raise UserError(f"--gate: {one!r} is not of the form kind=share; {nearest(kind, list(KINDS), 'kinds')}")
        changes[kind] = share
    kept = {kind: getattr(side.gates, kind) for kind in KINDS}
    try:
        return GatesSection.model_validate(kept | {kind: _share(value) for kind, value in changes.items()}).value()
    except ValueError as error:
        raise UserError(f"--gate: {', '.join(asked)}: a share between 0 and 1 belongs here, e.g. time=5%") from error


def _share(value: str) -> str | float:
    try:
        return float(value)
    except ValueError:
        return value


def write_outputs(comparison: Comparison, formats: Sequence[str]) -> None:
    """Print or write each format. Raises UserError for an unknown one."""
    for one in formats or ("text",):
        name, equals, file = one.partition("=")
        if name not in COMPARISON_FORMATS:
            raise UserError(f"--format: {COMPARISON_FORMATS.unknown(name)}")
        made = COMPARISON_FORMATS[name](comparison)
        if equals:
            write(made, Path(file))
        else:
            click.echo(printable(made, name), nl=False)
