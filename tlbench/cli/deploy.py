"""`tlbench deploy`: what trained models cost and are worth after export."""

from pathlib import Path

import click
from rich.console import Console

from tlbench.cli.options import Folder, data_option
from tlbench.cli.outputs import asked_formats, format_and_file
from tlbench.cli.progress import Terminal
from tlbench.cli.terminal import say
from tlbench.execution.runtimes import RUNTIMES
from tlbench.reporting.deployment_formats import DEPLOYMENT_FORMATS, deployment_format
from tlbench.reporting.output import write
from tlbench.session.deploy import deploy

SOME_FAILED, ALL_FAILED = 2, 3


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("cells", metavar="[CELL]...", nargs=-1)
@click.option(
    "--to",
    "names",
    multiple=True,
    metavar="RUNTIME",
    help=f"One of {', '.join(RUNTIMES)}; may be given several times. Default: all that are installed.",
)
@click.option("--out", type=Folder(path_type=Path), help="Keep the exported files in this folder.")
@click.option(
    "--format",
    "formats",
    multiple=True,
    metavar="FORMAT[=FILE]",
    help=f"One of {', '.join(DEPLOYMENT_FORMATS)}; may be given several times, with a file or printed. Default: text.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@data_option
def command(
    run: Path,
    cells: tuple[str, ...],
    names: tuple[str, ...],
    out: Path | None,
    formats: tuple[str, ...],
    as_json: bool,
    data: Path | None,
) -> int:
    """Export trained models of RUN, and say what each runtime makes of them; the run's suite has `save_models: true`.

    Size, top-1 on the run's own test images, how many answers differ from Keras', and the time for 1 and for 32 images
    on the CPU, measured in turn with Keras. A CELL is an id of `tlbench plan`, the beginning of one, or a selection
    that means one cell; default: all with a model. Exit 2 where a runtime cannot take a model, 3 where none takes any.

    Example: tlbench deploy results/keep --to litert --to litert-int8
    """
    asked = asked_formats(formats, as_json)
    made = [(deployment_format(name), file) for name, file in map(format_and_file, asked)]
    with Terminal(Console(stderr=True, highlight=False, soft_wrap=True)) as events:
        deployment = deploy(run, cells, to=names, out=out, data=data, events=events, say=say)
    for make, file in made:
        text = make(deployment)
        if file:
            write(text, file)
            say(f"Written: {file}")
        else:
            click.echo(text, nl=False)
    if out is not None:
        say(f"Exported files: {out}")
    if not deployment.failed:
        return 0
    return SOME_FAILED if deployment.exported else ALL_FAILED
