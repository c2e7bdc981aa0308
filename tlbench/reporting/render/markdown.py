"""A document in Markdown: CommonMark with GitHub's tables.

Every sign that Markdown would read as its own is escaped: see https://spec.commonmark.org/0.31.2 and
https://github.github.com/gfm. A document is often printed in CI, so that no line begins as a command does either.
"""

import re
from collections.abc import Mapping
from html import escape as escape_html
from types import MappingProxyType
from urllib.parse import quote

from tlbench.reporting.answer import listed, sentence
from tlbench.reporting.document import (
    Block,
    Code,
    Document,
    Emphasis,
    Figure,
    Gallery,
    Inline,
    Link,
    Listing,
    Note,
    Program,
    Section,
    Strong,
    Table,
    Text,
    inlines,
    plain,
)
from tlbench.reporting.plots import Choice, Confusion, Curves, Picture, Scatter, Spans, Strips
from tlbench.reporting.render.characters import one_line
from tlbench.reporting.render.grid import draw

MARKS = re.compile(
    r"[\\`*<|]"
    r"|\b_+|_+\b"  # an underscore within a word is none of Markdown's business
    r"|\](?=[(\[])"  # a link or an image
    r"|(?<=\S)~"  # the end of what is struck through
    r"|&(?=#?\w+;)"  # &lt;
    r"|(?<=##)\[|(?<=##vso)\[|(?<=##teamcity)\["  # a command of a CI log
)
LINK_MARKS = re.compile(rf"{MARKS.pattern}|[\[\]]")
"""No bracket may end the text of a link."""
START = re.compile(r"[-+#>=:\[]|\d{1,9}(?=[.)](?:\s|$))")
"""What makes a heading, a list, a quotation, a task or a command of the line that it begins."""
MENTION = re.compile(r"(?<!\w)@(?=\w)")
DEEPEST = 6
URL_SIGNS = ":/?#@!$&'*+,;=%~"
"""Those of RFC 3986 that mean nothing to Markdown; the others are given by their numbers."""
NO_PICTURES: Mapping[str, str] = MappingProxyType({})


def render(document: Document, level: int = 1, pictures: Mapping[str, str] = NO_PICTURES) -> str:
    """The document, its title a heading of `level`. pictures: their files, by name; others are left out."""
    return "\n\n".join(_block(Section(document.title, document.blocks), level, pictures)) + "\n"


def escape(text: str) -> str:
    """Text that shows as it is, in a cell or within a line."""
    return _escape(text, MARKS)


def _escape(text: str, marks: re.Pattern[str]) -> str:
    return _unmentioned(marks.sub(lambda found: "".join(f"\\{sign}" for sign in found[0]), one_line(text)))


def _unmentioned(text: str) -> str:
    """With an invisible sign that joins words behind each ``@name``, which else would call somebody of that name."""
    return MENTION.sub("@\u2060", text)


def _block(block: Block, level: int, pictures: Mapping[str, str]) -> list[str]:
    match block:
        case Section(on_pages=True) | Program() | Gallery():
            return []
        case Section(heading, blocks):
            parts = [part for inner in blocks for part in _block(inner, level + 1, pictures)]
            if blocks and not parts:
                return []  # there was nothing in it but pictures
            if block.folded:
                return [f"<details><summary>{_html(plain(heading))}</summary>", *parts, "</details>"]
            return [f"{'#' * min(level, DEEPEST)} {_heading(heading)}", *parts]
        case Table():
            return [draw(block, _cell, "pipe")]
        case Note(lines):
            return ["  \n".join(map(_line, lines))]
        case Listing(items):
            return ["\n".join(f"- {_line(item)}" for item in items)]
        case Figure(title, _, caption):
            return [_line((f"{title}: ", *inlines(caption)))]
        case Choice():
            picture = _block(block.scatter, level, pictures)
            below = filter(None, (listed(block), block.certainty))
            return [_piece(Strong(sentence(block))), *map(_line, below), *picture]
        case Scatter() | Curves() | Confusion() | Strips() | Spans():
            return _picture(block, pictures)


def _picture(picture: Picture, pictures: Mapping[str, str]) -> list[str]:
    if picture.name not in pictures:
        return []
    shown = f"![{_escape(picture.title, LINK_MARKS)}]({quote(pictures[picture.name], safe=URL_SIGNS)})"
    return [shown, _line(picture.caption)]


def _html(text: str) -> str:
    """Within an element of HTML, where Markdown's signs mean nothing; no bracket, so that no CI log takes a command."""
    return _unmentioned(escape_html(one_line(text))).replace("[", "&#91;").replace(":", "&#58;")


def _heading(text: Text) -> str:
    line = "".join(map(_piece, inlines(text))).strip()
    return f"{line[:-1]}\\#" if line.endswith("#") else line


def _cell(text: Text) -> str:
    if isinstance(text, str):
        return escape(text)
    return "".join(_piece(piece, in_table=True) for piece in inlines(text))


def _line(text: Text) -> str:
    """The text of a paragraph or an item, which begins nothing else."""
    pieces = inlines(text)
    shown = [_piece(piece) for piece in pieces]
    line = "".join(shown).strip()
    first = next((piece for piece, words in zip(pieces, shown, strict=True) if words.strip()), None)
    found = None if isinstance(first, Link) and first.followed else START.match(line)
    if found is None:
        return line
    digits = found[0] if found[0].isdigit() else ""
    return f"{digits}\\{line[len(digits) :]}"


def _piece(piece: Inline, *, in_table: bool = False) -> str:
    match piece:
        case str():
            return escape(piece)
        case Emphasis(text):
            return _between("*", text)
        case Strong(text):
            return _between("**", text)
        case Code(text):
            code = _code(one_line(text))
            return code.replace("|", "\\|") if in_table else code  # a pipe ends a cell even within code
        case Link(text, url):
            return f"[{_escape(text, LINK_MARKS)}]({quote(url, safe=URL_SIGNS)})" if piece.followed else escape(text)


def _between(signs: str, text: str) -> str:
    escaped = escape(text).strip()
    return f"{signs}{escaped}{signs}" if escaped else ""


def _code(text: str) -> str:
    """Between more backticks than stand in a row inside (CommonMark, 6.1)."""
    if not text.strip():
        return ""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence, space = "`" * (longest + 1), " " if text[0] in "` " or text[-1] in "` " else ""
    return f"{fence}{space}{text}{space}{fence}"
