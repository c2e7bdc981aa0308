"""`tlbench predict`: what a trained model says of image files."""

from pathlib import Path

import click

from tlbench.cli.predictions import format_option, show
from tlbench.cli.terminal import say
from tlbench.session.predict import predict


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("cell")
@click.argument("images", metavar="IMAGE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@format_option
def command(run: Path, cell: str, images: tuple[Path, ...], kind: str) -> int:
    """Say what the trained model of a cell of RUN sees in image files; its suite has `save_models: true`.

    A CELL is an id of `tlbench plan`, the beginning of one, or a selection as of `run --select` that means one cell.
    Exit 2 where some files are no images, 3 where all are.

    Example: tlbench predict results/flowers 'strategy=full backbone=MobileNetV2' new/*.jpg
    """
    return show(predict(run, cell, images, say=say), kind)
