"""`tlbench inspect`: layers, parameters and sizes of a model."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
from pydantic_core import PydanticCustomError

from tlbench.backbones import preset, saved
from tlbench.backbones import registry as backbones
from tlbench.cli.options import json_option, plugin_option, refuse_without_effect
from tlbench.cli.progress import opening_model
from tlbench.cli.terminal import width
from tlbench.core.cell import MOST_UNITS, Head, Named, Scalar
from tlbench.core.errors import UserError, nearest
from tlbench.core.image_size import ImageSize, brief, in_words, parsed
from tlbench.core.json_text import parse_json
from tlbench.execution import child
from tlbench.execution.entry_points import INSPECT
from tlbench.heads import registry as heads
from tlbench.reporting.document import Block, Note, Table
from tlbench.reporting.render import terminal
from tlbench.strategies import registry as strategies
from tlbench.suite.items import read_scaling

ORIGINALS = ("pretrained", "full")
"""Strategies that may be named beside the original classifier, of which every layer is counted as trainable."""
Command = TypeVar("Command", bound=Callable[..., Any])


def strategy_options(command: Command) -> Command:
    """Add an option for each argument of each strategy, as ``--frozen-layers`` for `frozen_layers` of partial.

    If the command has an option of that name already, the argument's is called ``--strategy-NAME``.
    """
    taken = {option for parameter in getattr(command, "__click_params__", []) for option in parameter.opts}
    whose: dict[str, dict[str, list[str]]] = {}
    for name, strategy in strategies.STRATEGIES.items():
        for key, field in strategy.model_fields.items():
            whose.setdefault(key, {}).setdefault(field.description or key, []).append(name)
    for key in reversed(whose):
        words = "; ".join(f"{', '.join(names)}: {what}" for what, names in whose[key].items()) + "."
        option = f"--{key.replace('_', '-')}"
        option = f"--strategy-{key}" if option in taken else option
        command = click.option(option, f"strategy_{key}", metavar="VALUE", help=words)(command)
    return command


setting_option = click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="Argument of the backbone, as alpha=0.25. Repeatable."
)


@click.command()
@click.argument("backbone")
@setting_option
@click.option(
    "--strategy", default="full", show_default=True, metavar="NAME", help=f"One of {', '.join(strategies.names())}."
)
@strategy_options
@click.option("--head", type=click.Choice(heads.names()), default="gap", show_default=True, help="Type of the head.")
@click.option(
    "--hidden", type=click.IntRange(1, MOST_UNITS), multiple=True, help="Units of a hidden layer. Repeatable."
)
@click.option("--dropout", type=click.FloatRange(0, 1, max_open=True), default=0.0, help="Dropout rate of the head.")
@click.option(
    "--output",
    type=click.Choice(["softmax", "sigmoid"]),
    default="softmax",
    show_default=True,
    help="Activation of the last layer.",
)
@click.option("--classes", type=click.IntRange(2, MOST_UNITS), default=2, show_default=True, help="Number of classes.")
@click.option(
    "--image-size", metavar="SIZE", help="Pixels, as 96, or height x width, as 120x160; default: the backbone's own."
)
@click.option("--layers", is_flag=True, help="List every layer.")
@json_option
@plugin_option
def command(backbone: str, settings: tuple[str, ...], layers: bool, as_json: bool, **options: Any) -> None:
    """Count the parameters, layers, bytes and operations of BACKBONE with a head. JSON includes every layer.

    BACKBONE is a name of `tlbench list backbones`, a .keras file, or a keras-hub preset. The weights are random; none
    are downloaded.

    Example: tlbench inspect VGG19 --strategy frozen --head flatten --output sigmoid --json
    """
    if options["head"] == heads.ORIGINAL:
        of_strategy = [key for key in options if key.startswith("strategy_")]
        named = () if options["strategy"] in ORIGINALS else ("strategy",)
        why = f"with --head {heads.ORIGINAL}"
        refuse_without_effect(why, "hidden", "dropout", "output", "classes", *named, *of_strategy)
    request = _request(backbone, settings, options)
    with opening_model():
        answer = child.call(INSPECT, request)
    if as_json:
        click.echo(json.dumps(answer, indent=1))
    else:
        _show(answer, layers)


def _request(backbone: str, settings: tuple[str, ...], options: dict[str, Any]) -> dict[str, Any]:
    args = settings_of(settings)
    if backbone.endswith(saved.SUFFIX) or (backbone and preset.is_preset(Path(backbone))):
        own = saved.backbone(Path(backbone), _scaling(args.pop("scaling", None)))
    elif backbone in backbones.names():
        own = Named(name=backbone, args=args)
    else:
        raise UserError(f"there is no backbone {backbone!r}; {nearest(backbone, list(backbones.names()), 'backbones')}")
    given = {key.removeprefix("strategy_"): text for key, text in options.items() if key.startswith("strategy_")}
    strategy_args = {key: _value(text) for key, text in given.items() if text is not None}
    name, size = options["strategy"], _size(options["image_size"])
    head = {
        "name": options["head"],
        "hidden": options["hidden"],
        "dropout": options["dropout"],
        "output": options["output"],
    }
    try:
        _refuse_misplaced(own.name, name, {key: text for key, text in given.items() if text is not None})
        backbones.get(own.name).check_args(args)
        strategies.make(name, strategy_args).check(Head(**head), None)
    except KeyError:
        raise UserError(strategies.STRATEGIES.unknown(name)) from None
    except ValueError as error:
        raise UserError(str(error)) from error
    info = backbones.of(own)
    backbones.check_installed([own])
    if size is not None and (trouble := info.size_trouble(size, backbone)):
        raise UserError(f"--image-size {brief(size)}{trouble}")
    return {
        "backbone": {"name": own.name, "args": own.args},
        "strategy": {"name": name, "args": strategy_args},
        "head": head,
        "classes": options["classes"],
        "image_size": size,
    }


def _refuse_misplaced(backbone: str, strategy: str, given: Mapping[str, str]) -> None:
    """Raise UserError if an argument of the backbone was given as an option, as one of a strategy.

    Raises:
        KeyError: there is no such strategy.
    """
    for key, text in given.items():
        if key in backbones.get(backbone).arguments and key not in strategies.arguments(strategy):
            raise UserError(
                f"strategy {strategy} has no argument {key!r}; that of {backbone} is given with `--set {key}={text}`"
            )


def _scaling(value: Scalar) -> str | None:
    """The scaling of a saved model, by name or as a JSON object, in the form that a suite uses.

    Raises:
        UserError: the scaling is invalid.
    """
    try:
        mapping = isinstance(value, str) and value.startswith("{")
        return None if value is None else read_scaling(parse_json(str(value)) if mapping else value)
    except PydanticCustomError as error:  # a ValueError, too
        raise UserError(f"--set scaling={value}: {error}") from error
    except ValueError as error:
        raise UserError(f'--set scaling={value}: invalid JSON ({error}); write e.g. {{"scale": 0.1}}') from error


def _size(text: str | None) -> ImageSize | None:
    """The size written as ``96`` or ``120x160``. Raises UserError for other forms."""
    if text is None:
        return None
    if (size := parsed(text)) is None:
        raise UserError(f"--image-size {text}: write pixels, as 96, or height x width, as 120x160")
    return size


def settings_of(words: Sequence[str]) -> dict[str, Scalar]:
    """The arguments given with ``--set``. Raises UserError for a word that is not ``key=value``."""
    return dict(map(_setting, words))


def _setting(text: str) -> tuple[str, Scalar]:
    key, equals, value = text.partition("=")
    if not equals:
        raise UserError(f"--set: {text!r} is not of the form key=value, e.g. --set alpha=0.25")
    return key, _value(value)


def _value(text: str) -> Scalar:
    """`text` as a number or a boolean if it is one, else as text."""
    try:
        value = parse_json(text.lower())
    except ValueError:
        return text
    return value if isinstance(value, bool | int | float) else text


def _show(answer: dict[str, Any], layers: bool) -> None:
    size, classes = in_words(answer["image_size"]), f"{answer['classes']} classes"
    name = f"{answer['backbone']}, {answer['strategy']}, head {answer['head']}, {size}, {classes}"
    frozen = f"{answer['frozen_layers']} backbone layers are frozen"
    said = [
        f"{answer['non_trainable']:,} parameters are not trained; {frozen}.",
        f"Trained: {answer['trained']}.",
        *([f"Pooled: {answer['pooled']}."] if answer["pooled"] else []),
    ]
    blocks: list[Block] = [Note((name,)), _parts(answer), Note(tuple(said))]
    if layers:
        blocks.append(_layers(answer["layers"]))
    click.echo(terminal.text(*blocks, columns=width()))


def _parts(answer: dict[str, Any]) -> Table:
    """Counts of the model, the backbone and the head."""
    rows = [
        (
            name,
            f"{row['params']:,}",
            f"{row['trainable']:,}",
            str(row["depth"]),
            f"{row['size_mb']:.2f}",
            f"{row['flops'] / 1e9:.3f}",
        )
        for name, row in {"model": answer, **answer.get("parts", {})}.items()
    ]
    headings = ["", "Parameters", "Trainable", "Depth", "Size (MiB)", "GFLOPs"]
    return Table.of(headings, rows, right=range(1, len(headings)))


def _layers(layers: Sequence[dict[str, Any]]) -> Table:
    """A row for each layer, with the shape of its output for one image."""
    rows = []
    for layer in layers:
        shape = " x ".join("?" if length is None else str(length) for length in layer["output_shape"][1:])
        rows.append((layer["name"], layer["kind"], shape, f"{layer['params']:,}", f"{layer['trainable']:,}"))
    return Table.of(["Layer", "Kind", "Output", "Parameters", "Trainable"], rows, right=[3, 4])
