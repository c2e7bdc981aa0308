"""Options that several commands share."""

import os
import shlex
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from tlbench.core import plugin_files, settings
from tlbench.core.errors import UserError


def refuse_without_effect(why: str, *names: str) -> None:
    """Refuse options of the current command that change nothing in this call, so that none is taken for granted.

    Args:
        why: the end of the message, as "without --confirm".
        names: the parameters of these options. A value from an environment variable is no option of this call.

    Raises:
        UserError: one of the options was given.
    """
    ctx = click.get_current_context()
    for parameter in ctx.command.params:
        if parameter.name in names and ctx.get_parameter_source(parameter.name) is ParameterSource.COMMANDLINE:
            raise UserError(f"{parameter.opts[0]} has no effect {why}; leave it out")


class Place(click.Path):
    """The path of a file or folder. An empty one, as of a shell variable that is not set, is no working directory."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path. Raises click.BadParameter if it is empty."""
        if value == "":
            self.fail("the path is empty; write . for the working directory", param, ctx)
        return super().convert(value, param, ctx)


PLACE = Place()


class Folder(Place):
    """A folder. ``~`` is expanded even if the shell has not done so, as in quotes or in an environment variable."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path. Raises UserError if the home folder is unknown."""
        converted = super().convert(value, param, ctx)
        return settings.at_home(os.fsdecode(converted), param.name or "" if param else "")


def not_empty(without: str) -> Callable[[click.Context, click.Parameter, Any], Any]:
    """A callback that refuses an empty option: a variable that is not set would choose what is chosen without it.

    Args:
        without: what is chosen without the option, as "all cells".
    """

    def check(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
        given = ctx.get_parameter_source(param.name or "") is not ParameterSource.DEFAULT
        if given and not value.strip():
            raise UserError(f"{param.opts[0]} is empty, as from a variable that is not set; leave it out for {without}")
        return value

    return check


select_option = click.option(
    "--select",
    "expression",
    default="",
    callback=not_empty("all cells"),
    help="Only the cells that match, e.g. 'backbone=MobileNet* strategy=frozen,full'.",
)

shard_option = click.option(
    "--shard",
    default="",
    callback=not_empty("all cells"),
    metavar="PART/PARTS",
    help="One part of these cells, e.g. 1/4, for parallel jobs.",
)

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")

data_option = click.option(
    "--data",
    envvar="TLBENCH_DATA",
    show_envvar=True,
    type=Folder(),
    help="Folder of data sets: <data set>/{train,validation,test}/<class>/.",
)

weights_option = click.option(
    "--weights",
    envvar="TLBENCH_WEIGHTS",
    show_envvar=True,
    type=Folder(),
    help="Folder of weights files with Keras' official names.",
)

splits_option = click.option("--splits", help="Folders of the splits, as train=Train,test=Holdout; or none.")
classes_option = click.option("--classes", callback=not_empty("all classes"), help="Only these classes, as cat,dog.")
image_option = click.option(
    "--image",
    default="",
    callback=not_empty("the column that has images"),
    metavar="COLUMN",
    help="Column of the images in a table.",
)
label_option = click.option(
    "--label",
    default="",
    callback=not_empty("the column that has labels"),
    metavar="COLUMN",
    help="Column of the labels in a table.",
)


def in_shell(path: Path) -> str:
    """A path as it is written in a shell, to suggest the next command. A leading dash would make it an option."""
    text = str(path)
    return shlex.quote(f"./{text}" if text.startswith("-") else text)


def reading_options(splits: str | None, classes: str | None, image: str, label: str) -> str:
    """The four options above as they are written in a shell, to suggest the next command."""
    given = {"--splits": splits, "--classes": classes, "--image": image, "--label": label}
    return "".join(f" {option} {shlex.quote(value)}" for option, value in given.items() if value)


PLUGIN = "--plugin"


def _load(ctx: click.Context, param: click.Parameter, files: tuple[Path, ...]) -> None:
    """Load the files, unless `LazyGroup` already has."""
    del ctx, param
    for file in files:
        plugin_files.load(file)


plugin_option = click.option(
    PLUGIN,
    multiple=True,
    expose_value=False,
    is_eager=True,
    callback=_load,
    type=PLACE,
    metavar="FILE.py",
    help="Python file to execute, which adds backbones, strategies, ... (docs/extending.md). Repeatable.",
)


def plugins_in(words: Sequence[str]) -> Iterator[Path]:
    """The files given with ``--plugin`` in a command line. Empty words are left for the command to refuse."""
    for place, word in enumerate(words):
        if word == "--":
            return
        if word == PLUGIN and place + 1 < len(words):
            file = words[place + 1]
        elif word.startswith(f"{PLUGIN}="):
            file = word.removeprefix(f"{PLUGIN}=")
        else:
            continue
        if file:
            yield Path(file)


imagenet_option = click.option(
    "--imagenet",
    envvar="TLBENCH_IMAGENET",
    show_envvar=True,
    type=Folder(),
    help="ImageNet's validation images, one folder per class (n01440764, ...), for original classifiers.",
)
