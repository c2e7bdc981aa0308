"""What the commands that compare share: formats, gates, output."""

from collections.abc import Callable, Sequence
from pathlib import Path

import click

from tlbench.cli.terminal import width
from tlbench.core.errors import UserError, nearest
from tlbench.regression.comparison import Comparison
from tlbench.regression.gates import Gates, gate_kinds
from tlbench.reporting.comparison_formats import COMPARISON_FORMATS, text
from tlbench.reporting.output import Made, printable, write
from tlbench.session.compare import changed

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


def format_and_file(word: str) -> tuple[str, Path | None]:
    """``html=page.html``, or a format alone, which is printed. Raises UserError where the file has no name."""
    name, equals, file = word.partition("=")
    if equals and not file:
        raise UserError(f"--format: {word} names no file")
    return name, Path(file) if equals else None


def asked_gates(words: Sequence[str]) -> dict[str, str | float]:
    """Shares by kind from ``kind=share`` words. Raises UserError for one that is not of that form, or no share."""
    changes: dict[str, str | float] = {}
    kinds = gate_kinds()
    for word in words:
        kind, equals, share = word.partition("=")
        if kind not in kinds or not equals:
            raise UserError(f"--gate: {word!r} is not of the form kind=share; {nearest(kind, kinds, 'kinds')}")
        changes[kind] = _number(share)
    try:
        changed(Gates(), changes)
    except UserError as error:
        raise UserError(f"--gate: {error}") from error
    return changes


def _number(share: str) -> str | float:
    try:
        return float(share)
    except ValueError:
        return share


def asked_formats(formats: Sequence[str], as_json: bool) -> tuple[str, ...]:
    """What ``--format`` and ``--json`` ask for; text where neither is given."""
    return (*formats, *(("json",) if as_json else ())) or ("text",)


Output = tuple[str, Callable[[Comparison], Made], Path | None]
"""A format's name, what makes it, and its file; None where it is printed."""


def asked_outputs(formats: Sequence[str], as_json: bool = False) -> list[Output]:
    """Raises UserError for an unknown format: before anything is measured for it."""
    outputs: list[Output] = []
    for name, file in map(format_and_file, asked_formats(formats, as_json)):
        if name not in COMPARISON_FORMATS:
            raise UserError(f"--format: {COMPARISON_FORMATS.unknown(name)}")
        outputs.append((name, COMPARISON_FORMATS[name], file))
    return outputs


def write_outputs(comparison: Comparison, outputs: Sequence[Output]) -> None:
    """Print or write each."""
    for name, make, file in outputs:
        made = text(comparison, width()) if make is text and file is None else make(comparison)
        if file:
            write(made, file)
        else:
            click.echo(printable(made, name), nl=False)
