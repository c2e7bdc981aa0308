"""Predictions on the screen: what `predict` and `classify` share."""

import json

import click

from tlbench.cli.terminal import say
from tlbench.core.text import percent
from tlbench.datasets.names import shown
from tlbench.reporting.document import Note, Table
from tlbench.reporting.formats import frame_as_csv
from tlbench.reporting.render import terminal
from tlbench.session.predict import Predictions

SOME_SKIPPED, ALL_SKIPPED = 2, 3
WIDEST = 6
"""Classes up to which each has its column."""
SEVERAL = 5

format_option = click.option(
    "--format", "kind", type=click.Choice(["text", "json", "csv"]), default="text", show_default=True
)


def show(found: Predictions, kind: str, likeliest: int | None = None) -> int:
    """Print what was found, name on stderr what was skipped; the exit code.

    likeliest: so many classes are shown of an image; None for all, of which a table has the first few.
    """
    if kind == "json":
        click.echo(json.dumps(_values(found, likeliest), indent=1))
    elif kind == "csv":
        click.echo(frame_as_csv(found.frame), nl=False)
    else:
        none = Note(("No file here is an image.",))
        click.echo(terminal.text(Note((found.model,)), _table(found, likeliest) if found.files else none))
    for file, reason in found.skipped.items():
        say(f"skipped: {shown(file)}: {reason}")
    if not found.skipped:
        return 0
    return SOME_SKIPPED if found.files else ALL_SKIPPED


def _values(found: Predictions, likeliest: int | None) -> dict[str, object]:
    several = likeliest or len(found.classes)
    images = [
        {
            "file": shown(file),
            "class": found.top(index)[0][0],
            "classes": [{"class": name, "probability": share} for name, share in found.top(index, several)],
        }
        for index, file in enumerate(found.files)
    ]
    skipped = [{"file": shown(file), "reason": reason} for file, reason in found.skipped.items()]
    return {"model": found.model, "images": images, "skipped": skipped}


def _table(found: Predictions, likeliest: int | None) -> Table:
    """A line for each image, with each class's share; of many classes, a line for each of the likeliest."""
    if likeliest is None and len(found.classes) <= WIDEST:
        rows = [
            [shown(file), found.top(index)[0][0], *(percent(share) for share in found.probabilities[index])]
            for index, file in enumerate(found.files)
        ]
        headings = ["Image", "Class", *found.classes]
        return Table.of(headings, rows, right=range(2, len(headings)))
    rows = [
        [shown(file) if rank == 0 else "", name, percent(share)]
        for index, file in enumerate(found.files)
        for rank, (name, share) in enumerate(found.top(index, likeliest or SEVERAL))
    ]
    return Table.of(["Image", "Class", "Probability"], rows, right=[2])
