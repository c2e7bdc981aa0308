"""`tlbench data`: list, check and download data sets."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.progress import Progress

from tlbench.cli.groups import Group
from tlbench.cli.options import (
    PLACE,
    classes_option,
    data_option,
    image_option,
    in_shell,
    json_option,
    label_option,
    reading_options,
    refuse_without_effect,
    splits_option,
)
from tlbench.cli.terminal import width
from tlbench.core.errors import UserError
from tlbench.core.text import counted
from tlbench.datasets.audit import Audit
from tlbench.datasets.names import shown
from tlbench.reporting.views.folder import screen
from tlbench.session.data import check as check_files
from tlbench.session.data import described, fetch, fetchable, known, move_bad

PROBLEMS = 2


@click.group(cls=Group)
def command() -> None:
    """List, check and download data sets.

    Example: tlbench data check intel
    """


@command.command("list")
@data_option
@json_option
def list_(data: Path | None, as_json: bool) -> None:
    """List the known data sets, and the folder of each that is present.

    Example: tlbench data list --data ~/data
    """
    rows = [
        {"name": name, "folder": str(folder or ""), "where": described(name).where}
        for name, folder in known(data).items()
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    for row in rows:
        click.echo(f"{row['name']}: {row['folder'] or 'absent; ' + row['where']}")


@command.command(short_help="Find damaged files and duplicate images.")
@click.argument("name", required=False)
@data_option
@click.option(
    "--path",
    type=PLACE,
    help="A folder of images, or a CSV, npz or Parquet file, instead of NAME.",
)
@splits_option
@classes_option
@image_option
@label_option
@click.option(
    "--move-bad",
    "bad",
    type=PLACE,
    metavar="DIR",
    help="Move files that cannot be decoded as images to DIR.",
)
@json_option
def check(
    name: str | None,
    data: Path | None,
    path: Path | None,
    splits: str | None,
    classes: str | None,
    image: str,
    label: str,
    bad: Path | None,
    as_json: bool,
) -> int:
    """Report the classes, splits, damaged files and duplicate images of a data set.

    NAME is a known data set; --path reads your own images: folders, a CSV of paths and labels, an npz file of arrays,
    or a data set as Hugging Face or tensorflow-datasets stores it. Exit code 2 if there are problems, also after files
    were moved.

    Example: tlbench data check --path ../flowers --move-bad ../flowers_bad
    """
    if path is not None:
        refuse_without_effect("with --path", "data")
        if name:
            raise UserError(f"NAME {name!r} and --path name two data sets; leave out one of them")
    columns = {"image": image, "label": label}
    audit = check_files(name, path, data, splits, classes, **columns)
    moved = move_bad(audit, bad) if bad else ()
    left = check_files(name, path, data, splits, classes, **columns) if moved else audit
    if as_json:
        click.echo(json.dumps({**_values(audit), "moved": list(moved), "clean": left.clean}, indent=1))
    else:
        if moved:
            click.echo(
                f"{counted(len(moved), 'file')} moved to {shown(str(bad))}, each under its path; what is left:\n"
            )
        click.echo(screen(left, width()))
        if path and left.clean:
            words = in_shell(Path(shown(str(path)))) + reading_options(splits, classes, image, label)
            click.echo(f"Next: `tlbench init {words}` writes a suite for these images.")
    return 0 if left.clean else PROBLEMS


@command.command("get")
@click.argument("name")
@click.option("--small", is_flag=True, help="Download a smaller archive with some of the images, if there is one.")
def get_(name: str, small: bool) -> None:
    """Download a data set into the cache, if it has a public archive. An interrupted download resumes.

    Example: tlbench data get cats_dogs --small
    """
    info, archive = fetchable(name, small=small)
    with Progress(transient=True) as progress:
        task = progress.add_task(f"Downloading {name}", total=archive.bytes)
        folder = fetch(info, archive, lambda done, total: progress.update(task, completed=done, total=total))
    click.echo(f"{name}: {folder}")


def _values(audit: Audit) -> dict[str, Any]:
    values = {
        "splits": {split: one.model_dump() for split, one in audit.splits.items()},
        "left_out": [one.model_dump() for one in audit.left_out],
        "undecodable": [one.model_dump() for one in audit.undecodable],
        "exact": asdict(audit.exact),
        "near": asdict(audit.near),
    }
    named = {"folder": shown(str(audit.folder)), "classes": audit.classes, "counts": audit.counts}
    return {**named, **values, "balance": audit.balance, "clean": audit.clean}
