"""A document as plain text for a terminal or a log. Markup is left out, tables are drawn in columns."""

import re

from tlbench.reporting.document import Block, Document, Figure, Listing, Note, Section, Table, Text, inlines, plain
from tlbench.reporting.render.characters import one_line
from tlbench.reporting.render.grid import draw

COMMAND = re.compile(r"^\s*:(?=:)|##(?=\[|vso\[|teamcity\[)", re.MULTILINE)
"""What a CI log takes for a command: ``::error::`` where a line starts, spaces apart, and ``##[error]`` anywhere
(GitHub: actions/runner, ActionCommand.cs), ``##vso[`` (Azure), ``##teamcity[``."""


def render(document: Document) -> str:
    """The document, its title on the first line."""
    return text(Section(document.title, document.blocks)) + "\n"


def text(*blocks: Block) -> str:
    """Blocks without a title and without a line break at the end."""
    return _disarmed("\n".join(_lines(blocks)))


def _lines(blocks: tuple[Block, ...]) -> list[str]:
    """Lines, one left empty between blocks; a list stands directly under the note that introduces it."""
    lines: list[str] = []
    for index, block in enumerate(blocks):
        introduced = isinstance(block, Listing) and isinstance(blocks[index - 1], Note)
        if index and not introduced:
            lines.append("")
        lines += _block(block)
    return lines


def _block(block: Block) -> list[str]:
    match block:
        case Section(heading, blocks):
            return [_plain(heading), *(["", *_lines(blocks)] if blocks else [])]
        case Table():
            return [draw(block, _plain, "simple")]
        case Note(lines) | Listing(lines):
            return [_plain(line) for line in lines]
        case Figure(title, _, caption):
            return [_plain((f"{title}: ", *inlines(caption)))]


def _plain(text: Text) -> str:
    return one_line(plain(text))


def _disarmed(lines: str) -> str:
    """A space inside whatever a CI log would obey."""
    return COMMAND.sub(lambda found: f"{found[0]} ", lines)
