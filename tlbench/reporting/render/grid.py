"""Tables as plain text or Markdown, by the package tabulate."""

from collections.abc import Callable
from typing import Literal

from tabulate import tabulate

from tlbench.reporting.document import Table, Text


def draw(table: Table, cell: Callable[[Text], str], style: Literal["simple", "pipe"]) -> str:
    """The lines of the table. `cell` returns the escaped text of a heading or a cell."""
    widths = [column.width for column in table.columns]
    return tabulate(
        [[cell(text) for text in row] for row in table.rows],
        [cell(column.heading) for column in table.columns],
        tablefmt=style,
        colalign=[column.align for column in table.columns] if table.rows else None,
        disable_numparse=True,
        maxcolwidths=widths
        if style == "simple" and table.rows and any(widths)
        else None,  # in Markdown, a row cannot have several lines
    )
