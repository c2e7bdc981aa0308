"""`tlbench init`: write a suite for a folder of the user's own images."""

import os
import re
import shlex
from pathlib import Path

import click
import yaml
from PIL import Image

from tlbench.cli.options import classes_option, image_option, label_option, splits_option, written
from tlbench.core.errors import UserError
from tlbench.core.files import absolute
from tlbench.datasets.kinds import kind_of, read_images
from tlbench.datasets.layout import Layout, SplitRule
from tlbench.datasets.names import SPLITS
from tlbench.datasets.registry import names
from tlbench.datasets.told import first
from tlbench.session.data import rule_of

NAMED_CLASSES = 8


@click.command()
@click.argument("folder", metavar="[FOLDER_OF_IMAGES]", required=False, type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), default="suite.yaml", show_default=True, help="The suite file.")
@click.option("--force", is_flag=True, help="Overwrite the file where there is one.")
@splits_option
@classes_option
@image_option
@label_option
def command(
    folder: Path | None, out: Path, force: bool, splits: str | None, classes: str | None, image: str, label: str
) -> None:
    """Write a commented suite for a folder of images, with one folder a class or with train and test above them.

    A CSV of paths and labels, an npz file of arrays, and what Hugging Face or tensorflow-datasets keeps on disk will do
    as well. Without a folder the suite is an example that runs anywhere. An existing file is left alone.

    Example: tlbench init ../flowers --out flowers.yaml
    """
    told = written(splits, classes, image, label)
    if told and not folder:
        raise UserError(f"{told.split()[0]} says how images are read; name their folder, or the file that lists them")
    rule = rule_of(splits, classes, image=image, label=label)
    layout = read_images(folder, rule) if folder else None
    _write(out, _own(folder, layout, rule, out) if folder and layout else _example(out), force)
    click.echo(f"Wrote {out}" + (f": {_counted(layout)}.\n" if layout else ".\n"))
    shown = shlex.quote(str(out))
    steps = [
        (f"tlbench plan {shown}", "the cells; runs nothing"),
        (f"tlbench run {shown}", "train and measure them; Ctrl-C keeps what is finished"),
    ]
    if folder:
        check = f"tlbench data check --path {shlex.quote(str(folder))}{told}"
        steps.insert(0, (check, "files that are no images, pictures that stand there twice"))
    width = max(len(command) for command, _ in steps)
    click.echo("\n".join(["Next", *(f"  {command:<{width}}  # {what}" for command, what in steps)]))


def _write(out: Path, text: str, force: bool) -> None:
    if out.is_dir():
        raise UserError(f"{out} is a folder; name a file in it with --out")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with out.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        if isinstance(error, FileExistsError) and out.exists():
            raise UserError(f"{out} exists already; --force overwrites it, --out names another file") from None
        raise UserError(f"{out} cannot be written ({error.strerror}); name another file with --out") from error


def _own(folder: Path, layout: Layout, rule: SplitRule, out: Path) -> str:
    place = absolute(folder)
    of_version = place.is_dir() and re.fullmatch(r"[\d.]+", place.name)  # of tensorflow-datasets
    name = _name(place.parent.name if of_version else place.name if place.is_dir() else place.stem, "images")
    if name in names():
        name = f"my_{name}"  # the names of data sets that tlbench knows stand for those
    path = os.path.relpath(place, out.parent.resolve())
    path = f"./{path}" if path.startswith("~") else path  # which would be a home folder
    try:
        path.encode()
    except UnicodeEncodeError:
        raise UserError(f"{folder}: the path is not UTF-8, as a suite has to be; rename the folder") from None
    data = OWN_DATA.format(
        name=_scalar(name),
        key=kind_of(place),
        path=_scalar(path),
        rule=_written(rule),
        counted=_counted(layout),
        splits=_splits(layout),
    )
    return SUITE.format(name=_scalar(name), data=data, fallback=OWN_FALLBACK)


def _example(out: Path) -> str:
    return SUITE.format(name=_scalar(_name(out.stem, "suite")), data=EXAMPLE_DATA, fallback=EXAMPLE_FALLBACK)


def _name(text: str, otherwise: str) -> str:
    """A suite's name, which is also a folder's: letters, digits and ``._-``."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text).strip("._-")[:60] or otherwise


def _scalar(text: str) -> str:
    """`text` as a YAML value: plain where it reads as the same text, else in quotes."""
    try:
        plain = yaml.safe_load(text) == text
    except yaml.YAMLError:
        plain = False
    return text if plain else yaml.safe_dump(text, default_style='"', allow_unicode=True, width=10**6).strip()


def _written(rule: SplitRule) -> str:
    """Lines of a suite for what was said of how images are read."""
    keys = {"splits": rule.folders, "classes": list(rule.classes), "image": rule.image, "label": rule.label}
    given = {key: value for key, value in keys.items() if value}
    if rule.folders == {}:
        given["splits"] = "none"
    lines = [
        yaml.safe_dump({key: value}, default_flow_style=True, allow_unicode=True, width=10**6)
        for key, value in given.items()
    ]
    return "".join(f"    {line.strip()[1:-1]}\n" for line in lines)


def _counted(layout: Layout) -> str:
    files = {split: sum(map(len, layout.files[split].values())) for split in SPLITS}
    classes = [name if name.isprintable() else repr(name) for name in layout.classes]
    counts = ", ".join(f"{count} {split}" for split, count in files.items())
    said = f"{len(classes)} classes ({first(classes, NAMED_CLASSES)}); {sum(files.values())} files: {counts}"
    others = _others(layout)
    return f"{said} ({others} without the ending of an image)" if others else said


def _others(layout: Layout) -> int:
    """Files that are hardly images, by their names, where most others have an image's; only opening a file tells."""
    endings = Image.registered_extensions()
    every = [name for split in layout.files.values() for names in split.values() for name in names]
    others = sum(Path(name).suffix.lower() not in endings for name in every)
    return others if others < len(every) / 2 else 0


def _splits(layout: Layout) -> str:
    drawn = [split for split in SPLITS if layout.origins[split].drawn is not None]
    if not drawn:
        return f"Its own train, validation and test {'splits' if layout.file else 'folders'} are used."
    if layout.origins["train"].folder != ".":
        own = [split for split in SPLITS if split not in drawn]
        shares = f"{' and '.join(drawn)} {'is' if len(drawn) == 1 else 'are each'} 15 % of train"
        rule = f"drawn by a seeded rule (keys: {', '.join(drawn)}, split_seed)"
        return f"It has {' and '.join(own)}; {shares}, {rule}."
    return "It comes without splits: 15 % each for validation and test, seeded (keys: validation, test, split_seed)."


OWN_DATA = """\
# {counted}.
# {splits}
datasets:
  - name: {name}
    {key}: {path}   # relative to this file
{rule}"""

EXAMPLE_DATA = """\
# A known set, or a folder of your own with one folder a class:  {name: flowers, path: ../flowers}
# `tlbench list datasets` names the known ones, `tlbench init FOLDER` writes a suite for yours.
datasets:
  - cats_dogs
"""

OWN_FALLBACK = """\
# What may stand in for ImageNet weights that cannot be had; marked wherever it shows.
# fallback: {weights: drawn}          # tlbench's own small ones, or `random`
"""

EXAMPLE_FALLBACK = """\
# What stands in where there are no photographs or no ImageNet weights; marked wherever it shows.
fallback: {datasets: synthetic, weights: drawn}
"""

SUITE = """\
# A suite for tlbench: each list is an axis; every combination of their values is a cell that is trained and measured.
# docs/suites.md explains every key.
name: {name}

{data}
# `tlbench list backbones` names them; patterns will do, as "EfficientNetB*".
backbones:
  - MobileNetV2
  - EfficientNetB0
  # - {{name: MobileNet, alpha: 0.5}}   # arguments of the backbone

strategies:
  - frozen                            # train the head only
  - {{name: partial, trainable: 0.3}}   # and the upper 30 % of the backbone's layers
  - full                              # everything
  # - scratch                         # everything, from random weights: what the pretraining is worth

heads:
  - gap                               # global average pooling, then the classifier
  # - {{name: flatten, hidden: [128], dropout: 0.5}}

image_size: 160                       # pixels of the square, or height x width: 120x160; `native`: the backbone's own
# limit: {{train: 100, validation: 50, test: 200}}   # images a class, for a quick first look

train:
  epochs: 5
  batch_size: 32
  optimizer: adam
  learning_rate: auto                 # the strategy's own; a list is one more axis: [1e-4, 1e-3]
  # tune: {{learning_rate: [1e-5, 1e-4, 1e-3], l2: [1, 0.1, 0.01]}}   # or try them, keep the best
  # early_stopping: true
  # augmentation: {{rotation: 20, zoom: 0.2, flip: true}}

seeds: [0]                            # [0, 1, 2] shows how far results depend on luck
timing: {{protocol: quick}}             # step times; `standard` measures longer, `none` not at all

{fallback}
# Which changes matter to `tlbench compare` and `tlbench ab`.
gates: {{time: 10%, accuracy: 2pp}}
"""
