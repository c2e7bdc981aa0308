"""`tlbench data`: state, audit and download of data sets."""

import json
from dataclasses import asdict
from pathlib import Path

import click
from rich.progress import Progress

from tlbench.cache.download import DownloadError
from tlbench.cache.folders import cache_dir
from tlbench.cli.options import data_option
from tlbench.core.errors import UserError, nearest
from tlbench.datasets.archive import BadArchiveError
from tlbench.datasets.audit import Audit, audit
from tlbench.datasets.duplicates import Place
from tlbench.datasets.layout import SplitRule, read_layout
from tlbench.datasets.locate import downloaded, get
from tlbench.datasets.registry import DATASETS
from tlbench.datasets.spec import DatasetInfo
from tlbench.host.resources import usable_cores
from tlbench.reporting.document import Note, Table
from tlbench.reporting.render import terminal

PROBLEMS = 2
SHOWN = 20


@click.group()
def command() -> None:
    """State, audit and download of data sets.

    Example: tlbench data check intel
    """


@command.command("list")
@data_option
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
def list_(data: Path | None, as_json: bool) -> None:
    """Say which data sets are there.

    Example: tlbench data list --data ~/data
    """
    rows = [
        {"name": info.name, "folder": str(_found(info, data) or ""), "where": info.where} for info in DATASETS.values()
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    for row in rows:
        click.echo(f"{row['name']}: {row['folder'] or 'absent; ' + row['where']}")


@command.command()
@click.argument("name", required=False)
@data_option
@click.option("--path", type=click.Path(path_type=Path), help="A folder with one folder a class, instead of a name.")
@click.option("--json", "as_json", is_flag=True, help="Everything found, as JSON.")
def check(name: str | None, data: Path | None, path: Path | None, as_json: bool) -> int:
    """Count a data set, name the files that are no images, find the same picture twice. Exit 2 where there is trouble.

    Example: tlbench data check intel
    """
    folder = path or _folder(name, data)
    found = audit(read_layout(folder, SplitRule()), usable_cores())
    if as_json:
        click.echo(json.dumps({**asdict(found), "folder": str(found.folder), "clean": found.clean}, indent=1))
    else:
        _show(found)
    return 0 if found.clean else PROBLEMS


@command.command("get")
@click.argument("name")
def get_(name: str) -> None:
    """Fetch a data set that has a public archive into the cache.

    Example: tlbench data get cats_dogs
    """
    info = _info(name)
    if info.archive is None:
        raise UserError(f"{name} cannot be fetched: {info.where}")
    with Progress(transient=True) as progress:
        task = progress.add_task(f"Fetching {name}", total=info.archive.bytes)
        try:
            folder = get(info, cache_dir(), lambda done, total: progress.update(task, completed=done, total=total))
        except (DownloadError, BadArchiveError) as error:
            raise UserError(
                f"{name}: {error}; try again, or put the images in <data folder>/{name}/ yourself"
            ) from error
    click.echo(f"{name}: {folder}")


def _info(name: str) -> DatasetInfo:
    if name not in DATASETS:
        raise UserError(f"there is no data set {name!r}; {nearest(name, list(DATASETS), 'data sets')}")
    return DATASETS[name]


def _found(info: DatasetInfo, data: Path | None) -> Path | None:
    places = [data / info.name] if data else []
    return next((place for place in [*places, downloaded(info.name, cache_dir())] if place.is_dir()), None)


def _folder(name: str | None, data: Path | None) -> Path:
    if name is None:
        raise UserError(f"name a data set ({', '.join(DATASETS)}) or give a folder with --path")
    info = _info(name)
    folder = _found(info, data)
    if folder is None:
        place = data / name if data else "a folder given with --data or TLBENCH_DATA"
        raise UserError(f"data set {name} is not in {place}; {info.where}")
    return folder


def _show(found: Audit) -> None:
    click.echo(f"{found.folder}\n")
    classes = list(found.counts["train"])
    rows = [
        [
            split,
            *(str(counts[name]) for name in classes),
            str(sum(counts.values())),
            f"{found.balance.get(split, 0):.2f}",
        ]
        for split, counts in found.counts.items()
    ]
    headings = ["split", *classes, "all", "rarest/most frequent"]
    click.echo(terminal.text(Table.of(headings, rows, right=range(1, len(headings)))))
    click.echo()
    _lines("Files of the operating system, left out", list(found.junk))
    _lines("No images", [f"{file}: {why}" for _, file, why in found.undecodable])
    for word, groups in (("The same picture", found.exact), ("Nearly the same picture", found.near)):
        _lines(f"{word} under two labels", [_names(group) for group in groups.two_labels])
        _lines(f"{word} in two splits", [_names(group) for group in groups.across])
        _lines(f"{word} twice in a split", [_names(group) for group in groups.within])
    if found.clean:
        click.echo("Every file is an image; none stands under two labels or in two splits.")


def _lines(heading: str, lines: list[str]) -> None:
    if lines:
        more = [f"and {len(lines) - SHOWN} more; --json has them all"] if len(lines) > SHOWN else []
        indented = [f"  {line}" for line in [*lines[:SHOWN], *more]]
        click.echo(terminal.text(Note((f"{heading} ({len(lines)}):", *indented))))


def _names(group: tuple[Place, ...]) -> str:
    return " = ".join(place.file for place in group)
