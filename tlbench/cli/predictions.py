"""Options and output that `predict` and `classify` share."""

import json

import click

from tlbench.cli.terminal import say, width
from tlbench.core.text import percent
from tlbench.datasets.names import shown
from tlbench.reporting.document import Note, Table
from tlbench.reporting.formats import frame_as_csv
from tlbench.reporting.render import terminal
from tlbench.session.predict import Predictions

SOME_SKIPPED, ALL_SKIPPED = 2, 3
MOST_COLUMNS = 6
"""Up to this many classes, each has a column of the table."""
SHOWN = 5
"""With more classes, the table shows this many of an image."""

format_option = click.option(
    "--format", "kind", type=click.Choice(["text", "json", "csv"]), default="text", show_default=True
)


def show(found: Predictions, kind: str, likeliest: int | None = None) -> int:
    """Print predictions, and the skipped files on stderr.

    Args:
        found: the predictions.
        kind: the format.
        likeliest: the number of classes to show for each image; None shows all, but a table only the first few.

    Returns:
        The exit code: 0, or 2 if some files were skipped, 3 if all were.
    """
    if kind == "json":
        click.echo(json.dumps(_values(found, likeliest), indent=1))
    elif kind == "csv":
        click.echo(frame_as_csv(found.frame), nl=False)
    else:
        none = Note(("None of the files is an image.",))
        table = _table(found, likeliest) if found.files else none
        click.echo(terminal.text(Note((found.model,)), table, columns=width()))
    for file, reason in found.skipped.items():
        say(f"skipped: {shown(file)}: {reason}")
    if not found.skipped:
        return 0
    return SOME_SKIPPED if found.files else ALL_SKIPPED


def _values(found: Predictions, likeliest: int | None) -> dict[str, object]:
    count = likeliest or len(found.classes)
    images = [
        {
            "file": shown(file),
            "class": found.top(index)[0][0],
            "classes": [{"class": name, "probability": share} for name, share in found.top(index, count)],
        }
        for index, file in enumerate(found.files)
    ]
    skipped = [{"file": shown(file), "reason": reason} for file, reason in found.skipped.items()]
    return {"model": found.model, "images": images, "skipped": skipped}


def _table(found: Predictions, likeliest: int | None) -> Table:
    """A row for each image with a column for each class; or, with many classes, a row for each probable class."""
    if likeliest is None and len(found.classes) <= MOST_COLUMNS:
        rows = [
            [shown(file), found.top(index)[0][0], *(percent(share) for share in found.probabilities[index])]
            for index, file in enumerate(found.files)
        ]
        headings = ["Image", "Class", *found.classes]
        return Table.of(headings, rows, right=range(2, len(headings)))
    rows = [
        [shown(file) if rank == 0 else "", name, percent(share)]
        for index, file in enumerate(found.files)
        for rank, (name, share) in enumerate(found.top(index, likeliest or SHOWN))
    ]
    return Table.of(["Image", "Class", "Probability"], rows, right=[2])
