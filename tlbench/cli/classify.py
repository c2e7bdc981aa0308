"""`tlbench classify`: classify image files with an original ImageNet classifier."""

from pathlib import Path

import click

from tlbench.cli.inspect import setting_option, settings_of
from tlbench.cli.options import PLACE, weights_option
from tlbench.cli.outputs import also_json_option
from tlbench.cli.predictions import format_option, show
from tlbench.cli.progress import opening_model
from tlbench.cli.terminal import say
from tlbench.session.predict import classified

TOP = 5


@click.command()
@click.argument("model")
@click.argument("images", metavar="IMAGE...", nargs=-1, required=True, type=PLACE)
@setting_option
@weights_option
@format_option
@also_json_option
def command(
    model: str,
    images: tuple[Path, ...],
    settings: tuple[str, ...],
    weights: Path | None,
    kind: str,
    as_json: bool,
) -> int:
    """Classify image files with MODEL and its original weights: the five most probable of ImageNet's 1000 classes.

    An IMAGE may be a folder, which stands for all files below it. Exit codes: 2 if some files are not images, 3 if none
    is.

    Example: tlbench classify MobileNet --set alpha=0.25 cat.jpg
    """
    with opening_model():
        found = classified(model, images, weights, settings_of(settings), say)
    return show(found, "json" if as_json else kind, TOP)
