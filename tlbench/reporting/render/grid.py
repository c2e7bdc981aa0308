"""A table of strings that are escaped already, drawn in signs: the only place that knows how."""

from collections.abc import Callable
from typing import Literal

from tabulate import tabulate

from tlbench.reporting.document import Table, Text


def draw(table: Table, cell: Callable[[Text], str], style: Literal["simple", "pipe"]) -> str:
    """The table's lines; `cell` makes the string of a heading or cell."""
    widths = [column.width for column in table.columns]
    return tabulate(
        [[cell(text) for text in row] for row in table.rows],
        [cell(column.heading) for column in table.columns],
        tablefmt=style,
        colalign=[column.align for column in table.columns] if table.rows else None,
        disable_numparse=True,
        maxcolwidths=widths
        if style == "simple" and table.rows and any(widths)
        else None,  # a line of Markdown is a row
    )
