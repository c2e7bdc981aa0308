"""`tlbench report`: tables and figures of one or more runs."""

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from tlbench.cli.options import PLACE, data_option, not_empty, plugin_option, refuse_without_effect
from tlbench.cli.outputs import (
    also_json_option,
    emit,
    find_format,
    format_option,
    main_results,
    one_file_each,
    parse_format,
)
from tlbench.cli.overwriting import refuse_overwriting
from tlbench.cli.terminal import say, say_page, width
from tlbench.core.errors import UserError
from tlbench.reporting.formats import FORMATS, as_text, columns_as_text, with_columns
from tlbench.reporting.output import Made
from tlbench.reporting.render import terminal
from tlbench.reporting.report import Report
from tlbench.reporting.views import limited, profile
from tlbench.results.run_folder import RunFolder
from tlbench.session.folder import find_run
from tlbench.session.report import load, write
from tlbench.session.thumbnails import with_thumbnails

SOME_FAILED = 2
PICTURES = ("svg", "png")
"""Formats with several files, for which `--output` is a folder."""
ALONE = ("--profile", "--within")
"""Options that no other option of the output goes with."""


@click.command()
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=PLACE)
@format_option(FORMATS, default="the files of the report, and the main results as text")
@click.option(
    "--output",
    type=PLACE,
    help="Write to this file instead of printing, in the format of --format or of the file's extension.",
)
@also_json_option
@click.option("--profile", "as_profile", is_flag=True, help="Print only how long each part of a cell took.")
@click.option(
    "--within",
    "limits",
    multiple=True,
    metavar="COST=MOST",
    help="Print only the recommendation within this limit: inference or training in ms, memory or size in MiB. "
    "Repeatable.",
)
@click.option(
    "--columns",
    callback=not_empty("the main results"),
    metavar="NAME,...",
    help="Print a row for each cell with these columns of report.csv, as backbone,strategy,top1.",
)
@click.option(
    "--thumbnails",
    is_flag=True,
    help="With --format html: show images that the best models misclassified, if the data set is available. Check the "
    "rights to the images before you share the page.",
)
@data_option
@plugin_option
def command(
    runs: tuple[Path, ...],
    formats: tuple[str, ...],
    output: Path | None,
    as_json: bool,
    as_profile: bool,
    limits: tuple[str, ...],
    columns: str | None,
    thumbnails: bool,
    data: Path | None,
) -> int:
    """Write the report of RUN into its folder (report.html, .md, .csv, .json, figures), and print the main results.

    For several runs, the main results are printed side by side, e.g. of a CPU run and a GPU run; files are written only
    with --format or --output.

    Example: tlbench report results/small
    """
    others = {
        "--format": formats,
        "--output": output,
        "--json": as_json,
        "--columns": columns,
        "--thumbnails": thumbnails,
    }
    _check_alone({"--profile": as_profile, "--within": limits, **others})
    if not thumbnails:
        refuse_without_effect("without --thumbnails", "data")
    outputs = _outputs(formats, output, as_json)
    refuse_overwriting([file for _, file in outputs])
    most = dict(map(_limit, limits))
    if not (outputs or as_profile or most or columns or thumbnails) and len(runs) == 1:
        return _write(find_run(runs[0], say))
    report = load(*runs, say=say)
    if thumbnails:
        if "html" not in [name for name, _ in outputs]:
            raise UserError("--thumbnails needs --format html, as --format html=page.html")
        report = with_thumbnails(report, [find_run(run, lambda _: None) for run in runs], data, say)
    if as_profile:
        click.echo(terminal.text(*profile.blocks(report.rows), columns=width()))
        return 0
    if most:
        click.echo(terminal.text(*limited.sections(report, most), columns=width()))
        return 0
    named = None if columns is None else [one.strip() for one in columns.split(",")]
    for name, file in outputs or [("text", None)]:
        emit(_made(report, name, named, to_terminal=file is None), name, file, "Report")
    return 0


def _made(report: Report, name: str, columns: Sequence[str] | None, *, to_terminal: bool) -> Made:
    """The report in the format `name`, or these columns of it; text fits the terminal that it is printed to."""
    if name == "text" and to_terminal:
        return as_text(report, width()) if columns is None else columns_as_text(report, columns, width())
    return FORMATS[name].make(report) if columns is None else with_columns(report, columns, name)


def _limit(word: str) -> tuple[str, float]:
    """The cost and the limit of ``size=2``. Raises UserError for other forms."""
    key, _, most = word.partition("=")
    try:
        value = float(most)
    except ValueError:
        value = math.nan
    if key and re.fullmatch(r"[\d.]+\s*[a-zA-Z]+", most):
        raise UserError(
            f"--within: {word!r} has a unit; write the number alone, as {key}=2: memory and size are in MiB, inference "
            "and training in ms"
        )
    if not key or not value > 0:
        raise UserError(f"--within: {word!r} is not of the form cost=most, as size=2")
    return key, value


def _check_alone(options: Mapping[str, object]) -> None:
    """Raise UserError if one of `ALONE`, which are the first of `options`, is given together with another option."""
    given = [option for option, value in options.items() if value]
    if len(given) > 1 and given[0] in ALONE:
        raise UserError(f"{given[0]} prints nothing but its own answer; leave out {given[1]}")


def _outputs(formats: Sequence[str], output: Path | None, as_json: bool) -> list[tuple[str, Path | None]]:
    """The formats that are asked for, each with its file; None prints it.

    Raises:
        UserError: a format is unknown, several formats have one file, or a format has two.
    """
    outputs = list(map(parse_format, formats))
    if as_json and "json" not in [name for name, _ in outputs]:
        outputs.append(("json", None))
    for name, _ in outputs:
        find_format(name, FORMATS)
    if output is not None and len(outputs) > 1:
        raise UserError("--output is one file, but there are several formats; name a file for each, as html=page.html")
    if output is not None:
        ((name, file),) = outputs or [(_format_of(output), None)]
        if file:
            raise UserError(f"--format: {formats[0]} and --output name two files")
        outputs = [(name, output)]
    return one_file_each(outputs)


def _format_of(output: Path) -> str:
    """The format of a file by its extension; Markdown without one. Raises UserError if no single-file format has it."""
    formats = {form.extension: name for name, form in reversed(list(FORMATS.items())) if name not in PICTURES}
    extension = output.suffix.removeprefix(".").lower() or "md"
    if extension not in formats:
        raise UserError(f"--output: no format has the extension .{extension}; name a format, as --format html")
    return formats[extension]


def _write(folder: RunFolder) -> int:
    """Write the report into the run's folder, and print the main results. Returns the exit code."""
    written = write(folder, say)
    click.echo(main_results(written.text, lambda: written.report), nl=False)
    if written.files:
        say_page(folder)
    return SOME_FAILED if written.troubled() else 0
