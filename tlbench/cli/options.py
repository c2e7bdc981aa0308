"""Options that several commands share."""

import os
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from tlbench.core import plugin_files, settings


class Folder(click.Path):
    """A folder; ``~`` is the home folder also where no shell has replaced it (in quotes, in a variable)."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path. Raises UserError for a home that is not known."""
        converted = super().convert(value, param, ctx)
        return settings.at_home(os.fsdecode(converted), param.name or "" if param else "")


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

splits_option = click.option("--splits", help="As in a suite: none, or train=Train,test=Holdout.")
classes_option = click.option("--classes", help="Only these classes: cat,dog.")
image_option = click.option("--image", default="", metavar="COLUMN", help="Column of a table that has the images.")
label_option = click.option("--label", default="", metavar="COLUMN", help="Column of a table that has the labels.")


def written(splits: str | None, classes: str | None, image: str, label: str) -> str:
    """These options as a shell reads them, for the command that is named next."""
    given = {"--splits": splits, "--classes": classes, "--image": image, "--label": label}
    return "".join(f" {option} {shlex.quote(value)}" for option, value in given.items() if value)


PLUGIN = "--plugin"


def _load(ctx: click.Context, param: click.Parameter, files: tuple[Path, ...]) -> None:
    """Already done, where the command line could tell which files are meant before it knew the command's options."""
    del ctx, param
    for file in files:
        plugin_files.load(file)


plugin_option = click.option(
    PLUGIN,
    multiple=True,
    expose_value=False,
    is_eager=True,
    callback=_load,
    type=click.Path(path_type=Path),
    metavar="FILE.py",
    help="Execute this Python file, which adds backbones, strategies, ... (docs/extending.md). May be repeated.",
)


def plugins_in(words: Sequence[str]) -> Iterator[Path]:
    """The files after `--plugin` among the words of a command line."""
    for place, word in enumerate(words):
        if word == "--":
            return
        if word == PLUGIN and place + 1 < len(words):
            yield Path(words[place + 1])
        elif word.startswith(f"{PLUGIN}="):
            yield Path(word.removeprefix(f"{PLUGIN}="))


imagenet_option = click.option(
    "--imagenet",
    envvar="TLBENCH_IMAGENET",
    show_envvar=True,
    type=Folder(path_type=Path),
    help="ImageNet's validation images, a folder for each class (n01440764, ...); for original classifiers.",
)
