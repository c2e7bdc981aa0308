"""A document as plain text for a terminal or a log. Markup is left out, tables are drawn in columns."""

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
from tlbench.reporting.render.grid import draw

COLUMNS = 100


def render(document: Document) -> str:
    """The document, its title on the first line."""
    return text(Section(document.title, document.blocks)) + "\n"


def text(*blocks: Block) -> str:
    """Blocks without a title and without a line break at the end."""
    return disarmed("\n".join(_lines(blocks)))


def _lines(blocks: tuple[Block, ...]) -> list[str]:
    """Lines, one left empty between blocks; a list stands directly under the note that introduces it."""
    lines: list[str] = []
    drawn = [block for block in blocks if not isinstance(block, Program | Gallery | Picture)]
    blocks = tuple(block for block in drawn if not (isinstance(block, Section) and block.on_pages))
    for index, block in enumerate(blocks):
        introduced = isinstance(block, Listing) and isinstance(blocks[index - 1], Note)
        if index and not introduced:
            lines.append("")
        lines += _block(block)
    return lines


def _block(block: Block) -> list[str]:
    match block:
        case Section(on_pages=True) | Program() | Gallery() | Scatter() | Curves() | Confusion() | Strips() | Spans():
            return []
        case Section(heading, blocks):
            inner = _lines(blocks)
            return [_plain(heading), *(["", *inner] if inner else [])]
        case Table():
            return [draw(block, _plain, "simple")]
        case Note(lines) | Listing(lines):
            return [_plain(line) for line in lines]
        case Figure(title, _, caption):
            return [_plain((f"{title}: ", *inlines(caption)))]
        case Choice():
            said = filter(None, (sentence(block), listed(block), block.certainty))
            return [line for text in said for line in wrap(one_line(text), COLUMNS)]


def _plain(text: Text) -> str:
    return one_line(plain(text))
