"""`tlbench cache`: what is kept on disk so that it is not computed again."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from tlbench.cache.folders import FEATURES, IMAGES, KINDS, Kind, cache_dir, parse_size, size
from tlbench.cache.manifest import DamagedError, Manifest, read_manifest
from tlbench.cache.upkeep import Kept, Removal, entries, remove_leftovers, remove_oldest
from tlbench.core.errors import UserError
from tlbench.reporting.document import Table
from tlbench.reporting.render import terminal

NOTHING = -1
"""A bound that even an empty entry is above."""
HEADINGS = ["Entry", "What", "Of", "Split", "Shapes of one image", "Size", "Last used (UTC)"]


@click.group()
def command() -> None:
    """Look after the cache: decoded images, and what frozen layers make of them.

    It is under $TLBENCH_CACHE (default ~/.cache/tlbench). Nothing in it is a result: what is removed is made again.

    Example: tlbench cache list
    """


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def list_(as_json: bool) -> None:
    """List what is kept, the least recently used first.

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
        click.echo(terminal.text(Table.of(HEADINGS, table)) + "\n")
    held = [(kind, sum(row["bytes"] for row in rows if row["what"] == kind.name)) for kind in KINDS]
    told = " and ".join(f"{size(bytes_)} of {kind.name} (at most {size(kind.most())})" for kind, bytes_ in held)
    click.echo(f"{told} in {cache_dir()}")


@command.command(short_help="Remove what was least recently used.")
@click.option(
    "--max",
    "most",
    metavar="SIZE",
    help="Keep this much, features and images together, as 500MB; default $TLBENCH_FEATURES and $TLBENCH_IMAGES, "
    "20 GB of each.",
)
def prune(most: str | None) -> None:
    """Remove what was least recently used until the rest is small enough, and what stopped runs left half-made.

    What a run uses at this moment stays. Example: tlbench cache prune --max 2GB
    """
    if most is None:
        bounds = [([kept for kind, kept in _all() if kind is each], each.most()) for each in KINDS]
    else:
        bounds = [([kept for _, kept in _all()], parse_size(most, "--max"))]
    leftovers = sum(remove_leftovers(folder) for folder in _folders())
    removals = [remove_oldest(kept, bound) for kept, bound in bounds]
    count, bytes_ = sum(len(removal.removed) for removal in removals), sum(removal.bytes for removal in removals)
    left = sum(kept.bytes for _, kept in _all())
    half_made = f" and {leftovers} half-made" if leftovers else ""
    gone = f"Removed {_entries(count)} ({size(bytes_)}){half_made}" if count or leftovers else "Nothing was removed"
    click.echo(f"{gone}; {size(left)} are kept.{_in_use(removals)}")


@command.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
def clear(yes: bool) -> None:
    """Remove all features and decoded images. Fetched archives, results and readings of the machine stay.

    What a run uses at this moment stays, too. Example: tlbench cache clear --yes
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
    """What is kept of every kind, the least recently used first."""
    kept = [(kind, entry) for kind, folder in zip(KINDS, _folders(), strict=True) for entry in entries(folder)]
    return sorted(kept, key=lambda pair: pair[1].used)


def _in_use(removals: Sequence[Removal]) -> str:
    count = sum(len(removal.in_use) for removal in removals)
    return (
        f" {_entries(count)} {'is' if count == 1 else 'are'} in use and {'stays' if count == 1 else 'stay'}."
        if count
        else ""
    )


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
