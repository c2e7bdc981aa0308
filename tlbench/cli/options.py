"""Options that several commands share."""

import os
from pathlib import Path
from typing import Any

import click

from tlbench.core import settings


class Folder(click.Path):
    """A folder; ``~`` is the home folder also where no shell has replaced it (in quotes, in a variable)."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path. Raises UserError for a home that is not known."""
        converted = super().convert(value, param, ctx)
        return settings.at_home(Path(os.fsdecode(converted)), param.name or "" if param else "")


select_option = click.option(
    "--select", "expression", default="", help="Only these cells: 'backbone=MobileNet* strategy=frozen,full'."
)

shard_option = click.option(
    "--shard", default="", metavar="PART/PARTS", help="Of these cells one part, e.g. 1/4: for jobs side by side."
)

data_option = click.option(
    "--data",
    envvar="TLBENCH_DATA",
    show_envvar=True,
    type=Folder(path_type=Path),
    help="Folder with <data set>/{train,validation,test}/<class>/.",
)

weights_option = click.option(
    "--weights",
    envvar="TLBENCH_WEIGHTS",
    show_envvar=True,
    type=Folder(path_type=Path),
    help="Folder with weights files under Keras' official names.",
)

imagenet_option = click.option(
    "--imagenet",
    envvar="TLBENCH_IMAGENET",
    show_envvar=True,
    type=Folder(path_type=Path),
    help="ImageNet's validation images, a folder for each class (n01440764, ...); for original classifiers.",
)
