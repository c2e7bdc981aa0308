"""`tlbench history`: how numbers moved over many runs."""

from pathlib import Path

import click

from tlbench.cli.options import plugin_option
from tlbench.cli.outputs import asked_formats, format_and_file
from tlbench.cli.terminal import say
from tlbench.reporting.history_formats import HISTORY_FORMATS, history_format
from tlbench.reporting.output import write
from tlbench.session.trends import trends


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "formats",
    multiple=True,
    metavar="FORMAT[=FILE]",
    help=f"One of {', '.join(HISTORY_FORMATS)}; may be given several times, with a file or printed. Default: text.",
)
@click.option(
    "--html",
    "page",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The text, and a page in this file: --format text --format html=FILE.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@plugin_option
def command(folder: Path, formats: tuple[str, ...], page: Path | None, as_json: bool) -> int:
    """Follow every number of every cell over all runs under DIR, and say where its level changed.

    Times and memory of different machines are followed apart, and so are runs on other stand-ins or images. A change
    point takes six runs at least, and about ten to be seen beside many other numbers; counts are exact, and every
    change of one is told.

    Example: tlbench history results/ci --format text --format html=history.html
    """
    asked = asked_formats(formats, as_json)
    made = [(history_format(name), file) for name, file in map(format_and_file, asked)]
    if page is not None:
        made.append((history_format("html"), page))
    followed = trends(folder, say=say)
    for make, file in made:
        text = make(f"tlbench: history of {folder}", followed.series, followed.runs)
        if file:
            write(text, file)
            say(f"History: {file}")
        else:
            click.echo(text, nl=False)
    return 0
