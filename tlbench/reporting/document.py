"""A document under every report: what is said, as plain values. Views make it, renderers say how it looks.

Text that comes from outside (names of data sets and classes, errors, paths, names of runs) enters as `str`, which every
renderer escapes for its own language. Markup is made of the other inline values only, never of signs inside a `str`.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from tlbench.reporting.numbers import DASH
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
    """What a user may type, or a program printed."""

    text: str


@dataclass(frozen=True)
class Link:
    """Text that leads to `url`; text alone where that is not to be followed."""

    text: str
    url: str

    @property
    def followed(self) -> bool:
        """Whether the URL is one of http or https, never of javascript or the like."""
        try:
            return urlsplit(self.url).scheme in {"http", "https"} and self.url.isprintable()
        except ValueError:
            return False


Inline = str | Emphasis | Strong | Code | Link
Text = Inline | tuple[Inline, ...]
"""A piece of text, or several without anything between them. It is one line: line breaks within become spaces."""


@dataclass(frozen=True)
class Column:
    """A column of a table. width: characters after which a terminal breaks its lines; None for never."""

    heading: Text
    align: Literal["left", "right"] = "left"
    width: int | None = None


@dataclass(frozen=True)
class Table:
    """Rows of as many cells as there are columns."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Text, ...], ...]

    @classmethod
    def of(cls, headings: Sequence[Text], rows: Iterable[Sequence[Text]], right: Collection[int] = ()) -> "Table":
        """A table whose columns are aligned to the left, but for those numbered in `right`."""
        columns = (Column(text, "right" if index in right else "left") for index, text in enumerate(headings))
        return cls(tuple(columns), tuple(map(tuple, rows)))


@dataclass(frozen=True)
class Note:
    """A remark: a paragraph in which each of `lines` begins a new line."""

    lines: tuple[Text, ...]


@dataclass(frozen=True)
class Listing:
    """Items, each of one line, in no more than their order."""

    items: tuple[Text, ...]


@dataclass(frozen=True)
class Point:
    """A finite number and the words that stand for it."""

    value: float
    label: str


@dataclass(frozen=True)
class Figure:
    """Numbers in their order, joined by a line. breaks: points (by index) before which a mark is drawn.

    title: what is drawn, for those who cannot see it; caption: the words below.
    """

    title: str
    points: tuple[Point, ...]
    caption: Text
    breaks: tuple[int, ...] = ()


@dataclass(frozen=True)
class Program:
    """Text of several lines that a reader copies as it is: code, a record. label: what it is."""

    label: str
    text: str


@dataclass(frozen=True)
class Thumbnail:
    """A small picture, the bytes of a JPEG file, and what stands below it."""

    content: bytes
    label: str


@dataclass(frozen=True)
class Gallery:
    """Small pictures in their order, for pages."""

    pictures: tuple[Thumbnail, ...]
    caption: Text


@dataclass(frozen=True)
class Section:
    """Blocks under a heading; sections may hold sections.

    folded: where it can be, only the heading is shown at first. on_pages: it is too much but for a page, in which
    readers fold and search; other formats leave it out.
    """

    heading: Text
    blocks: tuple["Block", ...]
    folded: bool = False
    on_pages: bool = False


Block = Section | Table | Note | Listing | Figure | Choice | Picture | Program | Gallery


@dataclass(frozen=True)
class Document:
    """Blocks under a title."""

    title: Text
    blocks: tuple[Block, ...]


def inlines(text: Text) -> tuple[Inline, ...]:
    """The pieces of `text`, neighbouring strings joined: what is escaped must be seen whole."""
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
    """`text` for readers that know no markup: code between backticks, a link followed by its URL."""
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
    """A sentence of our own, in which what stands between backticks is code: "more rounds of `tlbench ab`"."""
    parts = re.split(r"`([^`]+)`", sentence)
    return tuple(Code(part) if index % 2 else part for index, part in enumerate(parts) if part)


def pictures(blocks: Iterable[Block]) -> Iterator[Picture]:
    """All pictures among `blocks` and in their sections, but for those that only pages have."""
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
    """The table without the columns in which there is nothing at all."""
    empty = {DASH, ""}
    kept = [place for place in range(len(table.columns)) if any(row[place] not in empty for row in table.rows)]
    return Table(
        tuple(table.columns[place] for place in kept), tuple(tuple(row[place] for place in kept) for row in table.rows)
    )
