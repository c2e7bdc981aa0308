"""`tlbench deploy`: size, accuracy and speed of trained models after export."""

from pathlib import Path

import click

from tlbench.cli.options import PLACE, Folder, data_option
from tlbench.cli.outputs import also_json_option, emit, find_format, format_option, parse_formats
from tlbench.cli.overwriting import refuse_overwriting
from tlbench.cli.progress import on_stderr
from tlbench.cli.terminal import say, width
from tlbench.execution.runtimes import RUNTIMES
from tlbench.reporting.deployment_formats import DEPLOYMENT_FORMATS, as_text
from tlbench.session.deploy import deploy

SOME_FAILED, ALL_FAILED = 2, 3


@click.command()
@click.argument("run", type=PLACE)
@click.argument("cells", metavar="[CELL]...", nargs=-1)
@click.option(
    "--to",
    "names",
    multiple=True,
    metavar="RUNTIME",
    help=f"One of {', '.join(RUNTIMES)}. Repeatable. Default: all that are installed.",
)
@click.option("--out", type=Folder(), help="Keep the exported files in this folder, and describe each (.json).")
@format_option(DEPLOYMENT_FORMATS)
@also_json_option
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
    """Export trained models of RUN to runtimes, and compare each with Keras. The suite needs `save_models: true`.

    Measures the size of the file, top-1 on the run's test images, the number of predictions that differ from Keras',
    and the time for 1 and for 32 images on the CPU, in turn with Keras. CELL is an id from `tlbench plan`, the
    beginning of one, a selection, as for `run --select`, that matches one cell, or a name as reports print it; default:
    all cells with a model. Exit codes: 2 if a runtime cannot run a model, 3 if no runtime can run any.

    Example: tlbench deploy results/keep --to litert --to litert-int8
    """
    outputs = [(name, find_format(name, DEPLOYMENT_FORMATS), file) for name, file in parse_formats(formats, as_json)]
    refuse_overwriting([file for *_, file in outputs])
    with on_stderr() as events:
        deployment = deploy(run, cells, to=names, out=out, data=data, events=events, say=say)
    for name, make, file in outputs:
        made = as_text(deployment, width()) if make is as_text and file is None else make(deployment)
        emit(made, name, file, "Written")
    if out is not None:
        say(f"Exported files: {out}")
    if not deployment.failed:
        return 0
    return SOME_FAILED if deployment.exported else ALL_FAILED
