"""`tlbench init`: write a suite for the user's own images."""

import os
import re
from pathlib import Path

import click
import yaml
from PIL import Image

from tlbench.backbones.official import backbones_of
from tlbench.cli.options import (
    PLACE,
    classes_option,
    image_option,
    in_shell,
    label_option,
    reading_options,
    splits_option,
)
from tlbench.cli.terminal import say
from tlbench.core import settings
from tlbench.core.errors import UserError
from tlbench.core.files import absolute
from tlbench.core.text import first_of
from tlbench.datasets.kinds import kind_of, read_images
from tlbench.datasets.layout import Layout, SplitRule
from tlbench.datasets.listing import peek
from tlbench.datasets.names import SPLITS
from tlbench.datasets.registry import names
from tlbench.datasets.sentences import few_sentence, named
from tlbench.session.data import rule_of
from tlbench.suite.variables import escaped

USUAL = ("MobileNetV2", "EfficientNetB0")
"""The backbones of a new suite: small and accurate ones."""
MOST_BACKBONES = 4
"""At most this many of the user's folder of weights are taken instead."""
MOST_FILES = 10_000
"""At most this many files of that folder are looked at."""
NOTE = "# TLBENCH_WEIGHTS has weights of these"
NAMED_CLASSES = 8
"""At most this many classes are named in a sentence."""


@click.command()
@click.argument("folder", metavar="[FOLDER_OF_IMAGES]", required=False, type=PLACE)
@click.option("--out", type=PLACE, default="suite.yaml", show_default=True, help="The suite file.")
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
@splits_option
@classes_option
@image_option
@label_option
def command(
    folder: Path | None, out: Path, force: bool, splits: str | None, classes: str | None, image: str, label: str
) -> None:
    """Write a commented suite for your own images, in one folder per class, or in such folders per split.

    A CSV of paths and labels, an npz file of arrays, and data sets as Hugging Face or tensorflow-datasets stores them
    work as well. Without images, the suite is an example that runs anywhere. An existing file is not overwritten.

    Example: tlbench init ../flowers --out flowers.yaml
    """
    reading = reading_options(splits, classes, image, label)
    if reading and not folder:
        raise UserError(f"{reading.split()[0]} is about reading images; name their folder, or the file that lists them")
    rule = rule_of(splits, classes, image=image, label=label)
    layout = read_images(folder, rule) if folder else None
    _write(out, _own(folder, layout, rule, out) if folder and layout else _example(out), force)
    click.echo(f"Wrote {out}" + (f": {_counted(layout)}.\n" if layout else ".\n"))
    if layout and (few := few_sentence(_counts(layout))):
        say(f"note {few}")
    if layout and layout.left_out:
        say(f"note {len(layout.left_out)} left out: {named(layout.left_out)}")
    shown = in_shell(out)
    steps = [
        (f"tlbench plan {shown}", "list the cells"),
        (f"tlbench run {shown}", "train and measure them; Ctrl-C keeps finished cells"),
    ]
    if folder:
        check = f"tlbench data check --path {in_shell(folder)}{reading}"
        steps.insert(0, (check, "find damaged files and duplicate images"))
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
    """The suite for the user's own images."""
    place = absolute(folder)
    of_version = place.is_dir() and re.fullmatch(r"[\d.]+", place.name)  # tensorflow-datasets: <name>/<version>
    name = _name(place.parent.name if of_version else place.name if place.is_dir() else place.stem, "images")
    if name in names():
        name = f"my_{name}"  # the plain name would stand for the known data set
    path = os.path.relpath(place, out.parent.resolve())
    path = f"./{path}" if path.startswith("~") else path  # a leading ~ would be the home folder
    try:
        path.encode()
    except UnicodeEncodeError:
        raise UserError(f"{folder}: the path is not valid UTF-8, which a suite needs; rename the folder") from None
    data = OWN_DATA.format(
        name=_scalar(name),
        key=kind_of(place),
        path=_scalar(escaped(path)),
        rule=_rule_lines(rule),
        counted=_counted(layout),
        splits=_splits(layout),
    )
    return SUITE.format(name=_scalar(name), data=data, backbones=_backbones(), fallback=OWN_FALLBACK)


def _example(out: Path) -> str:
    return SUITE.format(
        name=_scalar(_name(out.stem, "suite")), data=EXAMPLE_DATA, backbones=_backbones(), fallback=EXAMPLE_FALLBACK
    )


def _backbones() -> str:
    """The items of the list of backbones: usual ones, or those whose weights the user's folder has instead."""
    folder = settings.folder("TLBENCH_WEIGHTS")
    there = backbones_of(peek(folder, MOST_FILES).files) if folder else []
    if not there or {one.label for one in there}.issuperset(USUAL):
        return "".join(f"  - {name}\n" for name in USUAL)
    items = [one.name if not one.args else _inline({"name": one.name} | one.args) for one in there[:MOST_BACKBONES]]
    return "".join(f"  - {item}{' ' * 6 + NOTE if not at else ''}\n" for at, item in enumerate(items))


def _inline(value: object) -> str:
    """`value` as YAML on one line."""
    return yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**6, sort_keys=False).strip()


def _name(text: str, otherwise: str) -> str:
    """A name for a suite, which is also a folder's: letters, digits and ``._-`` only."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text).strip("._-")[:60] or otherwise


def _scalar(text: str) -> str:
    """`text` as a YAML scalar, in quotes if it would be read as something else without."""
    try:
        plain = yaml.safe_load(text) == text
    except yaml.YAMLError:
        plain = False
    return text if plain else yaml.safe_dump(text, default_style='"', allow_unicode=True, width=10**6).strip()


def _rule_lines(rule: SplitRule) -> str:
    """The lines of a suite that say how images are read."""
    keys = {"splits": rule.folders, "classes": list(rule.classes), "image": rule.image, "label": rule.label}
    given = {key: value for key, value in keys.items() if value}
    if rule.folders == {}:
        given["splits"] = "none"
    lines = [
        yaml.safe_dump({key: value}, default_flow_style=True, allow_unicode=True, width=10**6)
        for key, value in given.items()
    ]
    return "".join(f"    {escaped(line.strip()[1:-1])}\n" for line in lines)


def _counts(layout: Layout) -> dict[str, dict[str, int]]:
    """The number of files by split and class."""
    return {split: {name: len(files) for name, files in layout.files[split].items()} for split in SPLITS}


def _counted(layout: Layout) -> str:
    files = {split: sum(of.values()) for split, of in _counts(layout).items()}
    classes = [name if name.isprintable() else repr(name) for name in layout.classes]
    counts = ", ".join(f"{count} {split}" for split, count in files.items())
    summary = f"{len(classes)} classes ({first_of(classes, NAMED_CLASSES)}); {sum(files.values())} files: {counts}"
    others = _without_image_extension(layout)
    return f"{summary} ({others} without an image extension)" if others else summary


def _without_image_extension(layout: Layout) -> int:
    """The number of files without the extension of an image format; 0 if that is half of them or more."""
    extensions = Image.registered_extensions()
    every = [name for split in layout.files.values() for names in split.values() for name in names]
    others = sum(Path(name).suffix.lower() not in extensions for name in every)
    return others if others < len(every) / 2 else 0


def _splits(layout: Layout) -> str:
    drawn = [split for split in SPLITS if layout.origins[split].drawn is not None]
    if not drawn:
        return f"Its own train, validation and test {'splits' if layout.file else 'folders'} are used."
    if layout.origins["train"].folder != ".":
        own = [split for split in SPLITS if split not in drawn]
        shares = f"{' and '.join(drawn)} {'is' if len(drawn) == 1 else 'are each'} 15 % of train"
        rule = f"drawn with a fixed seed (keys: {', '.join(drawn)}, split_seed)"
        return f"It has {' and '.join(own)}; {shares}, {rule}."
    return "It has no splits; 15 % each go to validation and test by a fixed seed (keys: validation, test, split_seed)."


OWN_DATA = """\
# {counted}.
# {splits}
datasets:
  - name: {name}
    {key}: {path}   # relative to this file; in a run's copy of it, to the original
{rule}"""

EXAMPLE_DATA = """\
# A known data set, or your own folder with one folder per class:  {name: flowers, path: ../flowers}
# Its path is relative to this file.
# `tlbench list datasets` lists the known ones; `tlbench init FOLDER` writes a suite for your images.
datasets:
  - cats_dogs
"""

OWN_FALLBACK = """\
# What to use if ImageNet weights are not available; results are marked.
# fallback: {weights: drawn}          # of two small backbones tlbench has drawn ones; random ones for others
"""

EXAMPLE_FALLBACK = """\
# What to use if photographs or ImageNet weights are not available; results are marked.
fallback: {datasets: synthetic, weights: drawn}
"""

SUITE = """\
# A suite for tlbench. Each list is an axis; every combination of values is a cell, which is trained and measured.
# docs/suites.md explains every key.
name: {name}

{data}
# `tlbench list backbones` lists them; patterns are allowed, as "EfficientNetB*".
backbones:
{backbones}  # - {{name: MobileNet, alpha: 0.5}}   # arguments of the backbone

strategies:
  - frozen                            # train the head only
  - {{name: partial, trainable: 0.3}}   # the head and the upper 30 % of the backbone's layers
  - full                              # all layers
  # - scratch                         # all layers, from random weights: shows what pretraining is worth

heads:
  - gap                               # global average pooling, then the classifier
  # - {{name: flatten, hidden: [128], dropout: 0.5}}

image_size: 160                       # pixels, or height x width: 120x160, or the backbone's own: native
# limit: {{train: 100, validation: 50, test: 200}}   # images per class, for a quick first look

train:
  epochs: 5
  batch_size: 32
  optimizer: adam
  learning_rate: auto                 # the strategy's default; a list is another axis: [1e-4, 1e-3]
  # tune: {{learning_rate: [1e-5, 1e-4, 1e-3], l2: [1, 0.1, 0.01]}}   # try each, keep the best on validation
  # early_stopping: true
  # augmentation: {{rotation: 20, zoom: 0.2, flip: true}}

seeds: [0]                            # several, as [0, 1, 2], show how much results vary by chance
timing: {{protocol: quick}}             # step times: `standard` measures longer, `none` not at all
save_models: true                     # keep trained models, for `predict` and `deploy`; MobileNetV2's takes 10 MB

{fallback}
# Smallest changes that count as regressions in `tlbench compare` and `tlbench ab`. With one seed, the accuracy of a
# model that is trained in steps is shown, not judged. For CI, take several seeds, as [0, 1, 2], and many test images;
# docs/ci.md says how often a loss of 3 points is found.
gates: {{time: 10%, accuracy: 2pp}}
"""
