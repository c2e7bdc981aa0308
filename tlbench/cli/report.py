"""`tlbench report`: tables of one or several runs."""

import math
from collections.abc import Mapping
from pathlib import Path

import click

from tlbench.cli.options import data_option, plugin_option
from tlbench.cli.outputs import format_and_file
from tlbench.cli.terminal import say, say_page
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
ALONE = ("--profile", "--within")


@click.command()
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--format",
    "word",
    metavar="FORMAT[=FILE]",
    help=f"One of {', '.join(FORMATS)}, printed or in this file, and no other files.",
)
@click.option("--output", type=click.Path(path_type=Path), help="Write to this file instead of printing.")
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
    word: str | None,
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
    others = {"--format": word, "--output": output, "--json": as_json, "--columns": columns, "--thumbnails": thumbnails}
    _check_alone({"--profile": as_profile, "--within": limits, **others})
    name, output = _asked(word, output, as_json)
    most = dict(map(_limit, limits))
    if name is None and output is None and not (as_profile or most or columns or thumbnails) and len(runs) == 1:
        return _write(find_run(runs[0], say))
    report = load(*runs, say=say)
    if thumbnails:
        if name != "html":
            raise UserError("--thumbnails goes with --format html, as --format html=page.html")
        report = with_thumbnails(report, [find_run(run, lambda _: None) for run in runs], data, say)
    if as_profile:
        click.echo(terminal.text(*profile.blocks(report.rows)))
        return 0
    if most:
        click.echo(terminal.text(*limited.sections(report, most)))
        return 0
    if columns is not None:
        name = name or "text"
        made: Made = with_columns(report, [one.strip() for one in columns.split(",")], name)
    else:
        name = name or ("text" if output is None else "markdown")
        made = FORMATS[name].make(report)
    if output is None:
        click.echo(printable(made, name), nl=False)
    else:
        write_to(made, output)
        say(f"Report: {output}")
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


def _asked(word: str | None, output: Path | None, as_json: bool) -> tuple[str | None, Path | None]:
    """The format and the file that are asked for. Raises UserError for an unknown format, two formats or two files."""
    name, file = format_and_file(word or ("json" if as_json else ""))
    if as_json and name != "json":
        raise UserError(f"--format {word} and --json are two formats; write one of them")
    if name and name not in FORMATS:
        raise UserError(f"--format: {FORMATS.unknown(name)}")
    if file and output is not None:
        raise UserError(f"--format: {word} and --output name two files")
    return name or None, file or output


def _write(folder: RunFolder) -> int:
    """Write the files into the run's folder and print the main numbers."""
    written = write(folder, say)
    click.echo(written.text, nl=False)
    if written.files:
        say_page(folder)
    return SOME_FAILED if written.troubled() else 0
