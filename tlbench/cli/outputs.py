"""Options and output that several commands share: formats and gates."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from tlbench.cli.terminal import say, width
from tlbench.core.errors import UserError, nearest
from tlbench.regression.comparison import Comparison
from tlbench.regression.gates import Gates, gate_kinds
from tlbench.reporting.comparison_formats import COMPARISON_FORMATS, text
from tlbench.reporting.formats import as_text
from tlbench.reporting.output import Made, printable, write
from tlbench.reporting.report import Report
from tlbench.session.compare import changed

Command = TypeVar("Command", bound=Callable[..., Any])
Format = TypeVar("Format")


def format_option(names: Iterable[str], default: str = "text") -> Callable[[Command], Command]:
    """The option ``--format`` of a command that has the formats `names`; `default` is what it does without."""
    return click.option(
        "--format",
        "formats",
        multiple=True,
        metavar="FORMAT[=FILE]",
        help=f"One of {', '.join(names)}: printed, or written to FILE. Repeatable. Default: {default}.",
    )


also_json_option = click.option("--json", "as_json", is_flag=True, help="The same as --format json.")

gate_option = click.option(
    "--gate",
    "gates",
    multiple=True,
    metavar="KIND=SHARE",
    help="A gate for all cells instead of the suite's: time=5%, accuracy=2pp or memory=10%. Repeatable.",
)


def parse_format(word: str) -> tuple[str, Path | None]:
    """The format and the file of ``html=page.html``; the file is None if only a format is given.

    Raises:
        UserError: the name of the file is empty.
    """
    name, equals, file = word.partition("=")
    if equals and not file:
        raise UserError(f"--format: {word} names no file")
    return name, Path(file) if equals else None


def parse_gates(words: Sequence[str]) -> dict[str, str | float]:
    """Gates by kind, from words of the form ``kind=share``.

    Raises:
        UserError: a word has another form, its kind is unknown, or its share is invalid.
    """
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


def parse_formats(formats: Sequence[str], as_json: bool) -> list[tuple[str, Path | None]]:
    """The formats that ``--format`` and ``--json`` ask for, each with its file; printed text if there are none.

    JSON is printed once, even if both options ask for it.

    Raises:
        UserError: two formats have the same file, or the name of one is empty.
    """
    return one_file_each(list(map(parse_format, dict.fromkeys([*formats, *(["json"] if as_json else [])] or ["text"]))))


def one_file_each(outputs: list[tuple[str, Path | None]]) -> list[tuple[str, Path | None]]:
    """`outputs`, each of which has a file of its own or is printed. Raises UserError where two have the same file."""
    files = [file for _, file in outputs if file]
    if repeated := [file for file in files if files.count(file) > 1]:
        raise UserError(f"--format: {repeated[0]} is the file of two formats; give each its own")
    return outputs


def find_format(name: str, formats: Mapping[str, Format]) -> Format:
    """The format `name`, one of `formats`.

    Raises:
        UserError: there is no such format.
    """
    if name not in formats:
        raise UserError(f"--format: there is no format {name!r}; {nearest(name, list(formats), 'formats')}")
    return formats[name]


Output = tuple[str, Callable[[Comparison], Made], Path | None]
"""A format of comparisons: its name, its function, and its file; None prints it."""


def parse_outputs(formats: Sequence[str], as_json: bool = False) -> list[Output]:
    """The formats of a comparison that are asked for.

    Raises:
        UserError: a format is unknown.
    """
    return [(name, find_format(name, COMPARISON_FORMATS), file) for name, file in parse_formats(formats, as_json)]


def write_outputs(comparison: Comparison, outputs: Sequence[Output]) -> None:
    """Print a comparison, or write it to a file, in each format."""
    for name, make, file in outputs:
        made = text(comparison, width()) if make is text and file is None else make(comparison)
        emit(made, name, file)


def main_results(text: str, report: Callable[[], Report]) -> str:
    """`text`, which `as_text` made of a report, or the same laid out for a terminal that has fewer columns."""
    most = width()
    if most is None or all(len(line) <= most for line in text.splitlines()):
        return text
    return as_text(report(), most)


def emit(made: Made, name: str, file: Path | None, label: str = "") -> None:
    """Print the output of the format `name`, or write it to `file` and say so on stderr, after `label`.

    Raises:
        UserError: the format has several files, and `file` is None.
    """
    if file is None:
        click.echo(printable(made, name), nl=False)
        return
    write(made, file)
    if label:
        say(f"{label}: {file}")
