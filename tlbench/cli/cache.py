"""`tlbench cache`: list and remove decoded images and features that are kept on disk."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from tlbench.cache.folders import FEATURES, IMAGES, KINDS, Kind, cache_dir, parse_size, size
from tlbench.cache.manifest import DamagedError, Manifest, read_manifest
from tlbench.cache.upkeep import Kept, Removal, entries, remove_leftovers, remove_oldest
from tlbench.cli.groups import Group
from tlbench.cli.options import json_option
from tlbench.cli.terminal import width
from tlbench.core.errors import UserError
from tlbench.reporting.document import Note, Table
from tlbench.reporting.render import terminal

NOTHING = -1
"""A size limit that even an empty entry exceeds."""
HEADINGS = ["Entry", "What", "Of", "Split", "Shapes of one image", "Size", "Last used (UTC)"]


@click.group(cls=Group)
def command() -> None:
    """List and remove cached files: decoded images, and the features that frozen layers compute from them.

    The cache is in $TLBENCH_CACHE (default ~/.cache/tlbench). It holds no results; what is removed is computed again
    when needed.

    Example: tlbench cache list
    """


@command.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the entries of the cache, least recently used first.

    Example: tlbench cache list
    """
    rows = [_row(kind, kept) for kind, kept in _all()]
    if as_json:
        click.echo(json.dumps([{**row, "used": row["used"].isoformat()} for row in rows], indent=1))
        return
    table = [
        [
            row["entry"],
            row["what"],
            row["of"],
            row["split"],
            row["shapes"],
            size(row["bytes"]),
            f"{row['used']:%F %H:%M}",
        ]
        for row in rows
    ]
    if table:
        click.echo(terminal.text(Table.of(HEADINGS, table), columns=width()) + "\n")
    totals = [(kind, sum(row["bytes"] for row in rows if row["what"] == kind.name)) for kind in KINDS]
    sizes = " and ".join(f"{size(bytes_)} of {kind.name} (at most {size(kind.most())})" for kind, bytes_ in totals)
    click.echo(terminal.text(Note((f"{sizes} in {cache_dir()}",)), columns=width()))


@command.command(short_help="Remove the least recently used entries.")
@click.option(
    "--max",
    "most",
    metavar="SIZE",
    help="Keep at most this much of features and images together, as 500MB. Default: $TLBENCH_FEATURES of features and "
    "$TLBENCH_IMAGES of images, 20 GB each.",
)
def prune(most: str | None) -> None:
    """Remove the least recently used entries until the rest fits a limit, and incomplete entries of stopped runs.

    Entries that a run is using are kept.

    Example: tlbench cache prune --max 2GB
    """
    if most is None:
        bounds = [([kept for kind, kept in _all() if kind is each], each.most()) for each in KINDS]
    else:
        bounds = [([kept for _, kept in _all()], parse_size(most, "--max"))]
    leftovers = sum(remove_leftovers(folder) for folder in _folders())
    removals = [remove_oldest(kept, bound) for kept, bound in bounds]
    count, bytes_ = sum(len(removal.removed) for removal in removals), sum(removal.bytes for removal in removals)
    left = sum(kept.bytes for _, kept in _all())
    incomplete = f" and {leftovers} incomplete" if leftovers else ""
    removed = f"Removed {_entries(count)} ({size(bytes_)}){incomplete}" if count or leftovers else "Nothing was removed"
    click.echo(f"{removed}; {size(left)} are kept.{_in_use(removals)}")


@command.command()
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
def clear(yes: bool) -> None:
    """Remove all features and decoded images. Downloaded archives, results and machine readings are kept.

    Entries that a run is using are kept, too.

    Example: tlbench cache clear --yes
    """
    total = sum(kept.bytes for _, kept in _all())
    if not yes and not click.confirm(f"Remove {size(total)} of features and images from {cache_dir()}?"):
        raise UserError("nothing was removed")
    removal = remove_oldest([kept for _, kept in _all()], NOTHING)
    for folder in _folders():
        remove_leftovers(folder)
    click.echo(f"Removed {size(removal.bytes)}." + _in_use([removal]))


def _folders() -> list[Path]:
    return [cache_dir() / kind.folder for kind in KINDS]


def _all() -> list[tuple[Kind, Kept]]:
    """All entries with their kinds, least recently used first."""
    kept = [(kind, entry) for kind, folder in zip(KINDS, _folders(), strict=True) for entry in entries(folder)]
    return sorted(kept, key=lambda pair: pair[1].used)


def _in_use(removals: Sequence[Removal]) -> str:
    count = sum(len(removal.in_use) for removal in removals)
    return f" {_entries(count)} in use {'was' if count == 1 else 'were'} kept." if count else ""


def _entries(count: int) -> str:
    return f"{count} {'entry' if count == 1 else 'entries'}"


def _row(kind: Kind, kept: Kept) -> dict[str, Any]:
    row = {"entry": kept.folder.name, "what": kind.name, "bytes": kept.bytes}
    row |= {"used": datetime.fromtimestamp(kept.used, UTC)}
    try:
        manifest = read_manifest(kept.folder)
    except DamagedError as error:
        return {**row, "of": str(error), "split": "", "shapes": ""}
    return {**row, **DESCRIBE[kind.name](manifest)}


def _features(manifest: Manifest) -> dict[str, str]:
    made_from = manifest.made_from
    shapes = ", ".join("x".join(map(str, array.shape[1:])) for array in manifest.arrays)
    of = f"{made_from['backbone']} · {made_from['data set']}, {made_from['image size']} px"
    return {"of": of, "split": made_from["split"], "shapes": shapes}


def _images(manifest: Manifest) -> dict[str, str]:
    counts = manifest.about["counts"]
    images = sum(count for split in counts.values() for count in split.values())
    classes = ", ".join(manifest.about["classes"])
    return {"of": f"{images} images of {classes}", "split": "all", "shapes": ""}


DESCRIBE: dict[str, Callable[[Manifest], dict[str, str]]] = {FEATURES.name: _features, IMAGES.name: _images}
