"""`tlbench data`: state, audit and download of data sets."""

import json
from dataclasses import asdict
from pathlib import Path

import click
from rich.progress import Progress

from tlbench.cli.options import data_option
from tlbench.datasets.audit import Audit
from tlbench.datasets.duplicates import Place
from tlbench.reporting.document import Note, Table
from tlbench.reporting.render import terminal
from tlbench.session.data import check as check_files
from tlbench.session.data import described, fetch, fetchable, known

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
        {"name": name, "folder": str(folder or ""), "where": described(name).where}
        for name, folder in known(data).items()
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
    audit = check_files(name, path, data)
    if as_json:
        click.echo(json.dumps({**asdict(audit), "folder": str(audit.folder), "clean": audit.clean}, indent=1))
    else:
        _show(audit)
    return 0 if audit.clean else PROBLEMS


@command.command("get")
@click.argument("name")
def get_(name: str) -> None:
    """Fetch a data set that has a public archive into the cache.

    Example: tlbench data get cats_dogs
    """
    info, archive = fetchable(name)
    with Progress(transient=True) as progress:
        task = progress.add_task(f"Fetching {name}", total=archive.bytes)
        folder = fetch(info, lambda done, total: progress.update(task, completed=done, total=total))
    click.echo(f"{name}: {folder}")


def _show(audit: Audit) -> None:
    click.echo(f"{audit.folder}\n")
    classes = list(audit.counts["train"])
    rows = [
        [
            split,
            *(str(counts[name]) for name in classes),
            str(sum(counts.values())),
            f"{audit.balance.get(split, 0):.2f}",
        ]
        for split, counts in audit.counts.items()
    ]
    headings = ["split", *classes, "all", "rarest/most frequent"]
    click.echo(terminal.text(Table.of(headings, rows, right=range(1, len(headings)))))
    click.echo()
    _lines("Files of the operating system, left out", list(audit.junk))
    _lines("No images", [f"{file}: {why}" for _, file, why in audit.undecodable])
    for word, groups in (("The same picture", audit.exact), ("Nearly the same picture", audit.near)):
        _lines(f"{word} under two labels", [_names(group) for group in groups.two_labels])
        _lines(f"{word} in two splits", [_names(group) for group in groups.across])
        _lines(f"{word} twice in a split", [_names(group) for group in groups.within])
    if audit.clean:
        click.echo("Every file is an image; none stands under two labels or in two splits.")


def _lines(heading: str, lines: list[str]) -> None:
    if lines:
        more = [f"and {len(lines) - SHOWN} more; --json has them all"] if len(lines) > SHOWN else []
        indented = [f"  {line}" for line in [*lines[:SHOWN], *more]]
        click.echo(terminal.text(Note((f"{heading} ({len(lines)}):", *indented))))


def _names(group: tuple[Place, ...]) -> str:
    return " = ".join(place.file for place in group)
