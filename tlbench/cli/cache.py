"""`tlbench cache`: what is kept on disk so that it is not computed again."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from tlbench.cache.folders import cache_dir, feature_dir, most_features, parse_size
from tlbench.core.errors import UserError
from tlbench.reporting.document import Table
from tlbench.reporting.render import terminal
from tlbench.training.feature_store import DamagedError, entries, read_manifest, remove_leftovers, remove_oldest, size

HEADINGS = ["Entry", "What", "Of", "Split", "Shapes of one image", "Size", "Last used (UTC)"]


@click.group()
def command() -> None:
    """Look after the cache: decoded images, and what frozen layers make of them.

    It is under $TLBENCH_CACHE (default ~/.cache/tlbench). Nothing in it is a result: what is removed is made again.
    """


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
def list_(as_json: bool) -> None:
    """List what is kept, the least recently used first.

    Example: tlbench cache list
    """
    rows = [_features(*one) for one in entries(feature_dir())] + [_decoded(*one) for one in entries(_images())]
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
    features = sum(row["bytes"] for row in rows if row["what"] == "features")
    images = sum(row["bytes"] for row in rows) - features
    click.echo(
        f"{size(features)} of features (at most {size(most_features())}) and {size(images)} of images in {cache_dir()}"
    )


@command.command()
@click.option(
    "--max", "most", metavar="SIZE", help="Keep this much of features, as 500MB; default $TLBENCH_FEATURES or 20GB."
)
def prune(most: str | None) -> None:
    """Remove the least recently used features until the rest is small enough, and what stopped runs left half-made.

    Example: tlbench cache prune --max 2GB
    """
    limit = most_features() if most is None else parse_size(most, "--max")
    before = sum(bytes_ for *_, bytes_ in entries(feature_dir()))
    leftovers = remove_leftovers(feature_dir()) + remove_leftovers(_images())
    removed = remove_oldest(feature_dir(), limit)
    after = sum(bytes_ for *_, bytes_ in entries(feature_dir()))
    gone = f"{len(removed)} entries ({size(before - after)}) and {leftovers} half-made ones"
    click.echo(f"Removed {gone}; {size(after)} are kept.")


@command.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
def clear(yes: bool) -> None:
    """Remove all features and decoded images. Fetched archives, results and readings of the machine stay.

    Example: tlbench cache clear --yes
    """
    folders = [folder for folder in (feature_dir(), _images()) if folder.exists()]
    total = sum(bytes_ for folder in folders for *_, bytes_ in entries(folder))
    if not yes and not click.confirm(f"Remove {size(total)} of features and images from {cache_dir()}?"):
        raise UserError("nothing was removed")
    for folder in folders:
        shutil.rmtree(folder)
    click.echo(f"Removed {size(total)}.")


def _images() -> Path:
    return cache_dir() / "decoded"


def _features(entry: Path, used: float, bytes_: int) -> dict[str, Any]:
    row = {"entry": entry.name, "what": "features", "bytes": bytes_, "used": datetime.fromtimestamp(used, UTC)}
    try:
        manifest = read_manifest(entry)
    except DamagedError as error:
        return {**row, "of": str(error), "split": "", "shapes": ""}
    made_from = manifest.made_from
    shapes = ", ".join("x".join(map(str, one.shape[1:])) for one in manifest.tensors)
    of = f"{made_from['backbone']} · {made_from['data set']}, {made_from['image size']} px"
    return {**row, "of": of, "split": made_from["split"], "shapes": shapes}


def _decoded(entry: Path, used: float, bytes_: int) -> dict[str, Any]:
    row = {"entry": entry.name, "what": "images", "bytes": bytes_, "used": datetime.fromtimestamp(used, UTC)}
    counts = json.loads((entry / "manifest.json").read_bytes())["counts"]
    images = sum(count for split in counts.values() for count in split.values())
    classes = ", ".join(next(iter(counts.values())))
    return {**row, "of": f"{images} images of {classes}", "split": "all", "shapes": ""}
