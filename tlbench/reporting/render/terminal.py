"""Documents as plain text for a terminal or a log."""

from collections.abc import Sequence
from textwrap import wrap

from tlbench.core.text import disarmed
from tlbench.reporting.answer import listed, sentence
from tlbench.reporting.document import (
    Block,
    Document,
    Figure,
    Gallery,
    Listing,
    Note,
    Program,
    Section,
    Table,
    Text,
    inlines,
    plain,
)
from tlbench.reporting.plots import Choice, Confusion, Curves, Picture, Scatter, Spans, Strips
from tlbench.reporting.render.characters import one_line
from tlbench.reporting.render.fitted import draw_within
from tlbench.reporting.render.grid import draw

COLUMNS = 100


def render(document: Document, columns: int | None = None) -> str:
    """The document, with its title on the first line. `columns` is as in `text`."""
    return text(Section(document.title, document.blocks), columns=columns) + "\n"


def text(*blocks: Block, columns: int | None = None) -> str:
    """Blocks as text, without a line break at the end.

    Args:
        blocks: the blocks.
        columns: the width of the terminal that tables and notes are fitted to; None for lines of any length.
    """
    return disarmed("\n".join(_lines(blocks, columns)))


def _lines(blocks: tuple[Block, ...], columns: int | None) -> list[str]:
    """The lines of blocks, with an empty line between blocks, except before a list that follows a note."""
    lines: list[str] = []
    drawn = [block for block in blocks if not isinstance(block, Program | Gallery | Picture)]
    blocks = tuple(block for block in drawn if not (isinstance(block, Section) and block.on_pages))
    for index, block in enumerate(blocks):
        introduced = isinstance(block, Listing) and isinstance(blocks[index - 1], Note)
        if index and not introduced:
            lines.append("")
        lines += _block(block, columns)
    return lines


def _block(block: Block, columns: int | None) -> list[str]:
    match block:
        case Section(on_pages=True) | Program() | Gallery() | Scatter() | Curves() | Confusion() | Strips() | Spans():
            return []
        case Section(heading, blocks):
            inner = _lines(blocks, columns)
            return [*_broken([_plain(heading)], columns), *(["", *inner] if inner else [])]
        case Table():
            return [draw(block, _plain, "simple")] if columns is None else draw_within(block, _plain, columns)
        case Note(lines) | Listing(lines):
            return _broken([_plain(line) for line in lines], columns)
        case Figure(title, _, caption):
            return _broken([_plain((f"{title}: ", *inlines(caption)))], columns)
        case Choice():
            said = filter(None, (sentence(block), listed(block), block.certainty))
            return [line for text in said for line in wrap(one_line(text), min(COLUMNS, columns or COLUMNS))]


def _broken(lines: Sequence[str], columns: int | None) -> list[str]:
    """The lines broken between words to fit into `columns`; longer words, such as paths, are kept whole."""
    if columns is None:
        return list(lines)
    return [
        part
        for line in lines
        for part in (
            wrap(line, columns, break_on_hyphens=False, break_long_words=False) if len(line) > columns else [line]
        )
    ]


def _plain(text: Text) -> str:
    return one_line(plain(text))
