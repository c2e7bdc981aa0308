"""The content of a report as plain values, independent of format. Views make documents, renderers write them.

Text from outside (names of data sets and classes, errors, paths, names of runs) is a `str`, which every renderer
escapes for its format. Markup consists of the other inline values only, never of characters inside a `str`.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from tlbench.core.text import DASH
from tlbench.reporting.plots import Choice, Confusion, Curves, Picture, Scatter, Spans, Strips


@dataclass(frozen=True)
class Emphasis:
    """Text in italics."""

    text: str


@dataclass(frozen=True)
class Strong:
    """Text in bold."""

    text: str


@dataclass(frozen=True)
class Code:
    """Text in a fixed-width font: a command, or the output of a program."""

    text: str


@dataclass(frozen=True)
class Link:
    """Text that links to `url`; plain text if the link is not `followed`."""

    text: str
    url: str

    @property
    def followed(self) -> bool:
        """Whether the link is safe: its scheme is http or https, not e.g. javascript."""
        try:
            return urlsplit(self.url).scheme in {"http", "https"} and self.url.isprintable()
        except ValueError:
            return False


Inline = str | Emphasis | Strong | Code | Link
Text = Inline | tuple[Inline, ...]
"""A piece of text, or several that follow each other directly. It is one line: line breaks become spaces."""


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        heading: the heading.
        align: the alignment.
        width: the number of characters after which a terminal breaks lines; None for never.
    """

    heading: Text
    align: Literal["left", "right"] = "left"
    width: int | None = None


@dataclass(frozen=True)
class Table:
    """A table. Each row has as many cells as there are columns."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Text, ...], ...]

    @classmethod
    def of(cls, headings: Sequence[Text], rows: Iterable[Sequence[Text]], right: Collection[int] = ()) -> "Table":
        """A table with these headings. Columns are aligned to the left, except those whose indices are in `right`."""
        columns = (Column(text, "right" if index in right else "left") for index, text in enumerate(headings))
        return cls(tuple(columns), tuple(map(tuple, rows)))


@dataclass(frozen=True)
class Note:
    """A paragraph in which each of `lines` begins a new line."""

    lines: tuple[Text, ...]


@dataclass(frozen=True)
class Listing:
    """A list of items, each of one line."""

    items: tuple[Text, ...]


@dataclass(frozen=True)
class Point:
    """A finite number and its text."""

    value: float
    label: str


@dataclass(frozen=True)
class Figure:
    """A line through numbers at equal distances.

    Attributes:
        title: a description for readers who cannot see the figure.
        points: the numbers.
        caption: the text below.
        breaks: the indices of points before which a mark is drawn.
    """

    title: str
    points: tuple[Point, ...]
    caption: Text
    breaks: tuple[int, ...] = ()


@dataclass(frozen=True)
class Program:
    """Text of several lines to copy verbatim, such as code. `label` says what it is."""

    label: str
    text: str


@dataclass(frozen=True)
class Thumbnail:
    """A small image, as the bytes of a JPEG file, and the text below it."""

    content: bytes
    label: str


@dataclass(frozen=True)
class Gallery:
    """A row of small images, which only HTML shows."""

    pictures: tuple[Thumbnail, ...]
    caption: Text


@dataclass(frozen=True)
class Section:
    """Blocks under a heading; sections can be nested.

    Attributes:
        heading: the heading.
        blocks: the content.
        folded: whether only the heading is shown at first, in formats that can unfold it.
        on_pages: whether only HTML has it, because it is too long for other formats.
    """

    heading: Text
    blocks: tuple["Block", ...]
    folded: bool = False
    on_pages: bool = False


Block = Section | Table | Note | Listing | Figure | Choice | Picture | Program | Gallery


@dataclass(frozen=True)
class Document:
    """A title and blocks."""

    title: Text
    blocks: tuple[Block, ...]


def inlines(text: Text) -> tuple[Inline, ...]:
    """The pieces of `text`. Neighbouring strings are joined, since escaping may depend on what is before and after."""
    if not isinstance(text, tuple):
        return (text,)
    joined: list[Inline] = []
    for piece in text:
        if isinstance(piece, str) and joined and isinstance(before := joined[-1], str):
            joined[-1] = before + piece
        else:
            joined.append(piece)
    return tuple(joined)


def plain(text: Text) -> str:
    """`text` without markup: code in backticks, a link followed by its URL."""
    return "".join(map(_plain, inlines(text)))


def _plain(piece: Inline) -> str:
    match piece:
        case str():
            return piece
        case Code(text):
            return f"`{text}`"
        case Link(text, url):
            return f"{text} ({url})"
        case Emphasis(text) | Strong(text):
            return text


def prose(sentence: str) -> tuple[Inline, ...]:
    """A sentence of tlbench itself, in which text in backticks is code: "more rounds of `tlbench ab`"."""
    parts = re.split(r"`([^`]+)`", sentence)
    return tuple(Code(part) if index % 2 else part for index, part in enumerate(parts) if part)


def pictures(blocks: Iterable[Block]) -> Iterator[Picture]:
    """All pictures in `blocks` and their sections, except those that only HTML has."""
    for block in blocks:
        match block:
            case Section(on_pages=False):
                yield from pictures(block.blocks)
            case Choice(scatter) if scatter.xs:
                yield scatter
            case Scatter() | Curves() | Confusion() | Strips() | Spans():
                yield block
            case _:
                pass


def compact(table: Table) -> Table:
    """The table without columns that have no value in any row."""
    empty = {DASH, ""}
    kept = [place for place in range(len(table.columns)) if any(row[place] not in empty for row in table.rows)]
    return _only(table, kept)


def without_constant(table: Table, headings: Collection[str]) -> tuple[Table, str]:
    """The table without those columns of `headings` that have one value in all of several rows, and what they say.

    Returns:
        The table, and its values as words: ``batch 32, device CPU``; empty where no column is left out.
    """
    constant = {
        place
        for place, column in enumerate(table.columns)
        if column.heading in headings and len(table.rows) > 1 and len({row[place] for row in table.rows}) == 1
    }
    said = [f"{str(table.columns[place].heading).lower()} {table.rows[0][place]}" for place in sorted(constant)]
    return _only(table, [place for place in range(len(table.columns)) if place not in constant]), ", ".join(said)


def _only(table: Table, kept: Sequence[int]) -> Table:
    """The table with the columns in these places."""
    rows = tuple(tuple(row[place] for place in kept) for row in table.rows)
    return Table(tuple(table.columns[place] for place in kept), rows)
