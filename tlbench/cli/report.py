"""`tlbench report`: tables of one or several runs."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from tlbench.cli.options import data_option, plugin_option
from tlbench.cli.outputs import format_and_file
from tlbench.cli.terminal import say, say_page, width
from tlbench.core.errors import UserError
from tlbench.reporting.formats import FORMATS, with_columns
from tlbench.reporting.output import Made, printable
from tlbench.reporting.output import write as write_to
from tlbench.reporting.render import terminal
from tlbench.reporting.views import limited, profile
from tlbench.results.run_folder import RunFolder
from tlbench.session.folder import find_run
from tlbench.session.report import load, write
from tlbench.session.thumbnails import with_thumbnails

SOME_FAILED = 2
PICTURES = ("svg", "png")
"""Formats of several files, for which `--output` is a folder."""
ALONE = ("--profile", "--within")


@click.command()
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--format",
    "words",
    multiple=True,
    metavar="FORMAT[=FILE]",
    help=f"One of {', '.join(FORMATS)}, printed or in this file, and no other files. May be given several times.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="Write to this file instead of printing, in the format of its ending or of --format.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--profile", "as_profile", is_flag=True, help="Print where the time of each cell went, and nothing else.")
@click.option(
    "--within",
    "limits",
    multiple=True,
    metavar="COST=MOST",
    help="Print what to take within this limit, and nothing else: inference or training in ms, memory or size in MiB.",
)
@click.option(
    "--columns",
    metavar="NAME,...",
    help="Print a row for each cell with these columns of report.csv: backbone,strategy,top1.",
)
@click.option(
    "--thumbnails",
    is_flag=True,
    help="With --format html: small pictures of images that the best models got wrong, where the data set is at hand. "
    "Mind whose photographs they are before you pass the page on.",
)
@data_option
@plugin_option
def command(
    runs: tuple[Path, ...],
    words: tuple[str, ...],
    output: Path | None,
    as_json: bool,
    as_profile: bool,
    limits: tuple[str, ...],
    columns: str | None,
    thumbnails: bool,
    data: Path | None,
) -> int:
    """Write the report of RUN into its folder (report.html, .md, .csv, .json, pictures), and print the main numbers.

    Of several runs the main numbers are printed, and no file is written but with --format or --output: a CPU run and a
    GPU run of one suite fill two columns.

    Example: tlbench report results/small
    """
    others = {
        "--format": words,
        "--output": output,
        "--json": as_json,
        "--columns": columns,
        "--thumbnails": thumbnails,
    }
    _check_alone({"--profile": as_profile, "--within": limits, **others})
    outputs = _asked(words, output, as_json)
    most = dict(map(_limit, limits))
    if not (outputs or as_profile or most or columns or thumbnails) and len(runs) == 1:
        return _write(find_run(runs[0], say))
    report = load(*runs, say=say)
    if thumbnails:
        if "html" not in [name for name, _ in outputs]:
            raise UserError("--thumbnails goes with --format html, as --format html=page.html")
        report = with_thumbnails(report, [find_run(run, lambda _: None) for run in runs], data, say)
    if as_profile:
        click.echo(terminal.text(*profile.blocks(report.rows), columns=width()))
        return 0
    if most:
        click.echo(terminal.text(*limited.sections(report, most), columns=width()))
        return 0
    named = None if columns is None else [one.strip() for one in columns.split(",")]
    for name, file in outputs or [("text", None)]:
        made: Made = FORMATS[name].make(report) if named is None else with_columns(report, named, name)
        if file is None:
            click.echo(printable(made, name), nl=False)
        else:
            write_to(made, file)
            say(f"Report: {file}")
    return 0


def _limit(word: str) -> tuple[str, float]:
    """``size=2``. Raises UserError for what is none."""
    key, _, most = word.partition("=")
    try:
        value = float(most)
    except ValueError:
        value = math.nan
    if not key or not value > 0:
        raise UserError(f"--within: {word!r} is not of the form cost=most, as size=2")
    return key, value


def _check_alone(options: Mapping[str, object]) -> None:
    """Raises UserError where one of `ALONE`, which stand first in `options`, is given beside another option."""
    given = [option for option, value in options.items() if value]
    if len(given) > 1 and given[0] in ALONE:
        raise UserError(f"{given[0]} prints its answer and nothing else; leave {given[1]} out")


def _asked(words: Sequence[str], output: Path | None, as_json: bool) -> list[tuple[str, Path | None]]:
    """The formats that are asked for, each with its file or to be printed; none where nothing is asked for.

    Raises UserError for an unknown format, and where two would be one file.
    """
    outputs = list(map(format_and_file, words))
    if as_json and "json" not in [name for name, _ in outputs]:
        outputs.append(("json", None))
    for name, _ in outputs:
        if name not in FORMATS:
            raise UserError(f"--format: {FORMATS.unknown(name)}")
    if output is not None and len(outputs) > 1:
        raise UserError(
            "--output is one file, and several formats are asked for: name the file of each, as html=page.html"
        )
    if output is not None:
        ((name, file),) = outputs or [(_of_ending(output), None)]
        if file:
            raise UserError(f"--format: {words[0]} and --output name two files")
        outputs = [(name, output)]
    files = [file for _, file in outputs if file]
    if twice := [file for file in files if files.count(file) > 1]:
        raise UserError(f"--format: {twice[0]} is the file of two formats; give each its own")
    return outputs


def _of_ending(output: Path) -> str:
    """The format of a file by its ending; Markdown without one. Raises UserError where no format of one file has it."""
    endings = {form.extension: name for name, form in reversed(list(FORMATS.items())) if name not in PICTURES}
    ending = output.suffix.removeprefix(".").lower() or "md"
    if ending not in endings:
        raise UserError(f"--output: no format ends in .{ending}; name one with --format, as --format html")
    return endings[ending]


def _write(folder: RunFolder) -> int:
    """Write the files into the run's folder and print the main numbers."""
    written = write(folder, say)
    click.echo(written.text, nl=False)
    if written.files:
        say_page(folder)
    return SOME_FAILED if written.troubled() else 0
