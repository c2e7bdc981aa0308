"""`tlbench history`: how results changed over many runs."""

from pathlib import Path

import click

from tlbench.cli.options import PLACE, plugin_option
from tlbench.cli.outputs import also_json_option, emit, find_format, format_option, parse_formats
from tlbench.cli.overwriting import refuse_overwriting
from tlbench.cli.terminal import say, width
from tlbench.reporting.history_formats import HISTORY_FORMATS, as_text
from tlbench.session.trends import trends


@click.command()
@click.argument("folder", metavar="DIR", type=PLACE)
@format_option(HISTORY_FORMATS)
@click.option(
    "--html",
    "page",
    metavar="FILE",
    type=PLACE,
    help="Print text, and write a page to FILE: --format text --format html=FILE.",
)
@also_json_option
@plugin_option
def command(folder: Path, formats: tuple[str, ...], page: Path | None, as_json: bool) -> int:
    """Follow every metric of every cell over all runs in DIR, and report where its level changed.

    Times and memory of different machines are separate series, and so are runs with other stand-ins or images. A change
    point can be found from six runs on; among many series it takes about ten. Counts are exact, so every change of
    a count is reported.

    Example: tlbench history results/ci --format text --format html=history.html
    """
    outputs = [(name, find_format(name, HISTORY_FORMATS), file) for name, file in parse_formats(formats, as_json)]
    if page is not None:
        outputs.append(("html", find_format("html", HISTORY_FORMATS), page))
    refuse_overwriting([file for *_, file in outputs])
    followed = trends(folder, say=say)
    for name, make, file in outputs:
        title, fitted = f"tlbench: history of {folder}", make is as_text and file is None
        args = (title, followed.series, followed.runs)
        emit(as_text(*args, columns=width()) if fitted else make(*args), name, file, "History")
    return 0
