"""`tlbench predict`: classify image files with a trained model."""

from pathlib import Path

import click

from tlbench.cli.options import PLACE
from tlbench.cli.outputs import also_json_option
from tlbench.cli.predictions import format_option, show
from tlbench.cli.progress import opening_model
from tlbench.cli.terminal import say
from tlbench.session.predict import predict


@click.command()
@click.argument("run", type=PLACE)
@click.argument("cell")
@click.argument("images", metavar="IMAGE...", nargs=-1, required=True, type=PLACE)
@format_option
@also_json_option
def command(run: Path, cell: str, images: tuple[Path, ...], kind: str, as_json: bool) -> int:
    """Classify image files with the trained model of a cell of RUN. The suite needs `save_models: true`.

    CELL is an id from `tlbench plan`, the beginning of one, a selection, as for `run --select`, that matches one cell,
    or a name as reports print it. An IMAGE may be a folder, which stands for all files below it. Exit codes: 2 if some
    files are not images, 3 if none is.

    Example: tlbench predict results/flowers 'strategy=full backbone=MobileNetV2' new/
    """
    with opening_model():
        found = predict(run, cell, images, say=say)
    return show(found, "json" if as_json else kind)
