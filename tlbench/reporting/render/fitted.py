"""Tables that fit the width of a terminal. Pure."""

import re
from collections.abc import Callable, Sequence
from textwrap import wrap

from tlbench.reporting.document import Table, Text, compact
from tlbench.reporting.render.grid import draw

WAYS = ((2, 1000), (2, 20), (1, 20))
"""Ways to narrow a table, of which the first that fits is used: spaces between columns, and the length from which words
may be broken. Names of files often have more than 20 letters.
"""
INSIDE = (1, 6)
"""The last way for a table of few columns. With many, words are broken after punctuation only."""
PUNCTUATION = re.compile(r"(?<=\w[=/_,:-])(?=\w)")
MANY = 5
"""In tables with this many columns or more, columns with the same value in all rows are written below the table."""


def draw_within(table: Table, cell: Callable[[Text], str], columns: int) -> list[str]:
    """The lines of the table, as `draw` makes them if they fit into `columns`.

    If not, empty columns are left out, columns with the same value in all rows are written below the table, and cells
    are broken between words. A table that still does not fit is made as narrow as possible.
    """
    lines = draw(table, cell, "simple").split("\n")
    if _fit(lines, columns):
        return lines
    many = len(table.columns) >= MANY
    table, alike = _without_alike(compact(table), cell) if many else (compact(table), [])
    lines = draw(table, cell, "simple").split("\n") if table.rows else []
    return [*(lines if _fit(lines, columns) else _narrow(table, cell, columns)), *_said(alike, columns)]


def _fit(lines: Sequence[str], columns: int) -> bool:
    return all(len(line) <= columns for line in lines)


def _without_alike(table: Table, cell: Callable[[Text], str]) -> tuple[Table, list[str]]:
    """The table without columns that have the same value in all rows, and these values."""
    if len(table.rows) < 2:
        return table, []
    alike = [len({cell(row[place]) for row in table.rows}) == 1 for place in range(len(table.columns))]
    kept = [place for place, one in enumerate(alike) if not one]
    said = [
        f"{cell(column.heading)}: {cell(table.rows[0][place])}"
        for place, column in enumerate(table.columns)
        if alike[place]
    ]
    rows = tuple(tuple(row[place] for place in kept) for row in table.rows)
    return Table(tuple(table.columns[place] for place in kept), rows), said


def _said(alike: Sequence[str], columns: int) -> list[str]:
    return wrap(f"In all rows, {'; '.join(alike)}.", columns, break_on_hyphens=False) if alike else []


def _narrow(table: Table, cell: Callable[[Text], str], columns: int) -> list[str]:
    head = [cell(column.heading) for column in table.columns]
    rows = [[cell(text) for text in row] for row in table.rows]
    by_column = list(zip(head, *rows, strict=True))
    gap, widths = _widths(by_column, [column.width for column in table.columns], columns)
    if sum(widths) + gap * (len(widths) - 1) > columns and len(table.columns) >= MANY:
        return _one_below_another(head, rows, columns)

    def lines(texts: Sequence[str], *, low: bool = False) -> list[str]:
        parts = [_broken(text, width) for text, width in zip(texts, widths, strict=True)]
        high = max(1, *map(len, parts))
        filled = [[""] * (high - len(part)) + part if low else part + [""] * (high - len(part)) for part in parts]
        return [_line(line) for line in zip(*filled, strict=True)]

    def _line(texts: Sequence[str]) -> str:
        padded = [
            text.rjust(width) if column.align == "right" else text.ljust(width)
            for text, width, column in zip(texts, widths, table.columns, strict=True)
        ]
        return (" " * gap).join(padded).rstrip()

    rule = (" " * gap).join("-" * width for width in widths)
    return [*lines(head, low=True), rule, *(line for row in rows for line in lines(row))]


def _one_below_another(head: Sequence[str], rows: Sequence[Sequence[str]], columns: int) -> list[str]:
    """The cells of each row on lines of their own, with a line between rows, where the columns do not fit."""
    lines = list[str]()
    for row in rows:
        texts = [f"{name}: {text}" for name, text in zip(head, row, strict=True) if text]
        lines += ["", *(line for text in texts for line in wrap(text, columns, subsequent_indent="  "))]
    return lines[1:]


def _ways(by_column: Sequence[Sequence[str]]) -> list[tuple[int, list[int]]]:
    """The ways to narrow a table, in order: the spaces between columns, and the least width of each column."""
    words = [[word for text in texts for word in text.split()] for texts in by_column]
    longest = [max(map(len, own), default=1) for own in words]
    if len(by_column) < MANY:
        return [(gap, [min(word, whole) for word in longest]) for gap, whole in (*WAYS, INSIDE)]
    parts = [max((len(part) for word in own for part in PUNCTUATION.split(word)), default=1) for own in words]
    return [
        (gap, [max(part, min(word, whole)) for part, word in zip(parts, longest, strict=True)])
        for gap, whole in (*WAYS, (1, 0))
    ]


def _widths(by_column: Sequence[Sequence[str]], most: Sequence[int | None], columns: int) -> tuple[int, list[int]]:
    """The spaces between columns, and the widths. Words stay whole if that fits; the widest column shrinks first."""
    longest = [max(1, *(len(text) for text in texts[1:])) for texts in by_column]
    wanted = [min(width, limit or width) for width, limit in zip(longest, most, strict=True)]
    for gap, floors in _ways(by_column):
        widths = [max(width, floor) for width, floor in zip(wanted, floors, strict=True)]
        room = columns - gap * (len(widths) - 1)
        while sum(widths) > room and widths != floors:
            place = max(range(len(widths)), key=lambda at: (widths[at] - floors[at] > 0, widths[at]))
            widths[place] -= 1
        if sum(widths) <= room:
            break
    return gap, _given_back(by_column, widths, wanted, room)


def _given_back(
    by_column: Sequence[Sequence[str]], widths: Sequence[int], wanted: Sequence[int], room: int
) -> list[int]:
    """Widths without space that no line of a column uses; it goes to the columns that lack least."""
    filled = [
        max((len(line) for text in texts for line in _broken(text, width)), default=1)
        for texts, width in zip(by_column, widths, strict=True)
    ]
    for place in sorted(range(len(filled)), key=lambda at: wanted[at] - filled[at]):
        if filled[place] < wanted[place] <= filled[place] + room - sum(filled):
            filled[place] = wanted[place]
    return filled


def _broken(text: str, width: int) -> list[str]:
    """The text broken between words. Words that are too long are broken after punctuation, else anywhere."""
    if all(len(word) <= width for word in text.split()):
        return wrap(text, width, break_on_hyphens=False)
    lines = [""]
    for word in text.split():
        for number, part in enumerate(PUNCTUATION.split(word) if len(word) > width else [word]):
            joint = " " if number == 0 and lines[-1] else ""
            if len(lines[-1]) + len(joint) + len(part) <= width:
                lines[-1] += joint + part
            else:
                lines += wrap(part, width, break_on_hyphens=False)
    return [line for line in lines if line]
