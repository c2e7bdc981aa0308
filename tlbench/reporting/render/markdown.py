"""Documents in Markdown: CommonMark with GitHub's tables.

All characters with a meaning in Markdown are escaped: see https://spec.commonmark.org/0.31.2 and
https://github.github.com/gfm. Documents are often printed in CI, so commands of CI systems are escaped, too.
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
    r"|\b_+|_+\b"  # emphasis; an underscore inside a word has no meaning
    r"|\](?=[(\[])"  # a link or an image
    r"|(?<=\S)~"  # the end of strikethrough
    r"|&(?=#?\w+;)"  # an entity such as &lt;
    r"|(?<=##)\[|(?<=##vso)\[|(?<=##teamcity)\["  # a command in a CI log
)
LINK_MARKS = re.compile(rf"{MARKS.pattern}|[\[\]]")
"""In the text of a link, brackets are escaped as well."""
START = re.compile(r"[-+#>=:\[]|\d{1,9}(?=[.)](?:\s|$))")
"""Text at the start of a line that makes it a heading, a list, a quotation, a task or a command."""
MENTION = re.compile(r"(?<!\w)@(?=\w)")
DEEPEST = 6
URL_SIGNS = ":/?#@!$&'*+,;=%~"
"""Reserved characters of RFC 3986 without a meaning in Markdown; others are percent-encoded."""
NO_PICTURES: Mapping[str, str] = MappingProxyType({})


def render(document: Document, level: int = 1, pictures: Mapping[str, str] = NO_PICTURES) -> str:
    """The document in Markdown.

    Args:
        document: the document.
        level: the level of the title's heading.
        pictures: the files of pictures by name; other pictures are left out.
    """
    return "\n\n".join(_block(Section(document.title, document.blocks), level, pictures)) + "\n"


def escape(text: str) -> str:
    """Escape `text` for use in a cell or within a line."""
    return _escape(text, MARKS)


def _escape(text: str, marks: re.Pattern[str]) -> str:
    return _unmentioned(marks.sub(lambda found: "".join(f"\\{sign}" for sign in found[0]), one_line(text)))


def _unmentioned(text: str) -> str:
    """`text` with an invisible word joiner after each ``@`` of a name, so that GitHub notifies nobody."""
    return MENTION.sub("@\u2060", text)


def _block(block: Block, level: int, pictures: Mapping[str, str]) -> list[str]:
    match block:
        case Section(on_pages=True) | Program() | Gallery():
            return []
        case Section(heading, blocks):
            parts = [part for inner in blocks for part in _block(inner, level + 1, pictures)]
            if blocks and not parts:
                return []  # the section had only pictures
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
    """Escape `text` for use in an HTML element. Brackets are escaped, too, because of commands in CI logs."""
    return _unmentioned(escape_html(one_line(text))).replace("[", "&#91;").replace(":", "&#58;")


def _heading(text: Text) -> str:
    line = "".join(map(_piece, inlines(text))).strip()
    return f"{line[:-1]}\\#" if line.endswith("#") else line


def _cell(text: Text) -> str:
    if isinstance(text, str):
        return escape(text)
    return "".join(_piece(piece, in_table=True) for piece in inlines(text))


def _line(text: Text) -> str:
    """The text of a paragraph or an item, escaped at its start as well."""
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
            return code.replace("|", "\\|") if in_table else code  # a pipe ends a cell even inside code
        case Link(text, url):
            return f"[{_escape(text, LINK_MARKS)}]({quote(url, safe=URL_SIGNS)})" if piece.followed else escape(text)


def _between(signs: str, text: str) -> str:
    escaped = escape(text).strip()
    return f"{signs}{escaped}{signs}" if escaped else ""


def _code(text: str) -> str:
    """`text` between more backticks than it has in a row (CommonMark, 6.1)."""
    if not text.strip():
        return ""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence, space = "`" * (longest + 1), " " if text[0] in "` " or text[-1] in "` " else ""
    return f"{fence}{space}{text}{space}{fence}"
