"""Documents as HTML: a self-contained page, or a fragment for another page.

`assets/page.js` adds interaction (sorting, filters, limits) to elements that are complete without it. The
Content-Security-Policy of a page allows only its own style and script, by their hashes.
"""

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from importlib.resources import files
from itertools import count

from tlbench.reporting.answer import MOST_LISTED, chance, end, listed, sentence
from tlbench.reporting.document import (
    Block,
    Code,
    Column,
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
    Thumbnail,
    inlines,
    plain,
)
from tlbench.reporting.numbers import at_most
from tlbench.reporting.plots import Axis, Choice, Confusion, Curves, Scatter, Spans, Strips
from tlbench.reporting.render import plot, svg
from tlbench.reporting.render.drawing import escape

ASSETS = files("tlbench.reporting.render").joinpath("assets")
STYLE = svg.STYLE + ASSETS.joinpath("page.css").read_text(encoding="utf-8")
SCRIPT = ASSETS.joinpath("page.js").read_text(encoding="utf-8")
DEEPEST = 6
MOST_IN_HEADING, MOST_IN_WIDE_HEADING, MOST_IN_LINE = 12, 18, {"left": 48, "right": 28}
"""Headings and cells with more letters make their column wider, so that they have two or three lines."""
MOST_UNBROKEN = 20
"""Cells with up to this many letters stay on one line: ``may be``, ``one seed: not judged``."""
COUNT = re.compile(r"(\(\d+) (seeds|resamples|steps?)\b")
FEWEST_LINKED, MOST_LINKED = 5, 60
"""The fewest and the most sections of a page with a list of contents."""
FEWEST_STEPS = 2
"""The fewest values of a limit that is offered."""


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


POLICY = (
    f"default-src 'none'; style-src {_hash(STYLE)}; script-src {_hash(SCRIPT)}; img-src data:; base-uri 'none'; "
    "form-action 'none'"
)


def render(document: Document) -> str:
    """The document as a page."""
    writer = _Writer(page=True)
    sections = "".join(map(writer.section, document.blocks)) + writer.lines()
    body = writer.contents() + sections
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(plain(document.title))}</title><style>{STYLE}</style></head>"
        f"<body><main><h1>{_inline(document.title)}</h1>{body}</main><script>{SCRIPT}</script></body></html>\n"
    )


def fragment(document: Document) -> str:
    """The document as a fragment, without script and without sections for pages only."""
    blocks = "".join(_Writer(page=False).block(block, 2) for block in document.blocks)
    return f"<div><style>{svg.STYLE}</style><h1>{_inline(document.title)}</h1>{blocks}</div>"


class _Writer:
    """Writes blocks. On a page, tables and choices have ids, which its address uses."""

    def __init__(self, *, page: bool) -> None:
        self._page = page
        self._numbers = count()
        self._lines: dict[str, int] = {}
        self._heading = ""
        self._sections: list[Text] = []

    def section(self, block: Block) -> str:
        """A block on the top level, where sections can be folded."""
        if not isinstance(block, Section):
            return self.block(block, 2)
        self._heading = plain(block.heading)
        self._sections.append(block.heading)
        name = f"s{len(self._sections)}"
        inner = "".join(self.block(each, 3) for each in block.blocks)
        opened = "" if block.folded else " open"
        summary = f"<summary><h2>{_inline(block.heading)}</h2></summary>"
        return f"<details class=section id={name}{opened}>{summary}{inner}</details>"

    def contents(self) -> str:
        """A folded list of links to the sections written so far; empty if they are few or too many."""
        if not FEWEST_LINKED <= len(self._sections) <= MOST_LINKED:
            return ""
        links = "".join(f"<li><a href=#s{at}>{_inline(of)}</a></li>" for at, of in enumerate(self._sections, 1))
        return f"<nav><details class=contents><summary>On this page</summary><ul>{links}</ul></details></nav>"

    def block(self, block: Block, level: int) -> str:
        match block:
            case Section():
                return self._nested(block, level)
            case Table():
                return self._table(block)
            case Note(lines):
                return f"<p class=note>{'<br>'.join(map(_inline, lines))}</p>"
            case Listing(items):
                return f"<ul>{''.join(f'<li>{_inline(item)}</li>' for item in items)}</ul>"
            case Figure():
                drawn = plot.both(block, escape) if self._page else plot.svg(block, escape)
                return f"<figure>{drawn}<figcaption>{_inline(block.caption)}</figcaption></figure>"
            case Choice():
                return self._choice(block)
            case Scatter():
                return self._scatter(block)
            case Curves() | Confusion() | Strips() | Spans():
                drawn = svg.both(block) if self._page else svg.draw(block)
                return f"<figure>{drawn}<figcaption>{escape(block.caption)}</figcaption></figure>"
            case Program(label, text):
                return self._program(label, text)
            case Gallery(pictures, below):
                shown = "".join(map(_thumbnail, pictures))
                return f"<figure><ul class=gallery>{shown}</ul><figcaption>{_inline(below)}</figcaption></figure>"

    def _program(self, label: str, text: str) -> str:
        """A program. On a page, its lines are inserted when it is opened: programs share most lines."""
        if self._page:
            parts = " ".join(str(self._lines.setdefault(line, len(self._lines))) for line in text.split("\n"))
            code = f'<code data-lines="{parts}"></code>'
        else:
            code = f"<code>{_verbatim(text)}</code>"
        return f"<details class=program><summary>{escape(label)}</summary><pre>{code}</pre></details>"

    def lines(self) -> str:
        """The element that has the lines of all programs."""
        return f"<script type=application/json id=lines>{_json(list(self._lines))}</script>" if self._lines else ""

    def _nested(self, section: Section, level: int) -> str:
        if section.on_pages and not self._page:
            return ""
        inner = "".join(self.block(each, level + 1) for each in section.blocks)
        if section.folded:
            return f"<details><summary>{_inline(section.heading)}</summary>{inner}</details>"
        tag = f"h{min(level, DEEPEST)}"
        return f"<{tag}>{_inline(section.heading)}</{tag}>{inner}"

    def _table(self, table: Table) -> str:
        heads = "".join(_cell("th scope=col", column, column.heading) + "</th>" for column in table.columns)
        rows = "".join("<tr>" + "".join(map(_data, table.columns, row)) + "</tr>" for row in table.rows)
        number = next(self._numbers)
        label = escape(f"Table {number}: {self._heading}")
        return (
            f'<div class=table role=region tabindex=0 aria-label="{label}" data-key=t{number}>'
            f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
        )

    def _choice(self, choice: Choice) -> str:
        said = f"<p class=answer aria-live=polite>{escape(sentence(choice))}</p>"
        said += f"<p class=rivals>{escape(listed(choice))}</p>"
        said += f"<p class=certainty>{escape(choice.certainty)}</p>"
        if not self._page:
            return said + self._scatter(choice.scatter)
        data = f"<script type=application/json>{_json(_data_of(choice))}</script>"
        key = f"c{next(self._numbers)}"
        drawn = self._scatter(choice.scatter)
        return f"<div class=choice data-key={key}>{said}{data}<div class=limits></div>{drawn}</div>"

    def _scatter(self, scatter: Scatter) -> str:
        """A picture for each axis. The first is shown, and the script offers the others."""
        axes = [axis for axis in scatter.xs if len(scatter.drawn(axis)) > 1][: None if self._page else 1]
        if not axes:
            return ""
        draw = svg.both if self._page else svg.draw
        drawn = "".join(
            f'<div class=view data-axis="{escape(axis.key)}" data-label="{escape(axis.label)}"'
            f"{' hidden' if number else ''}>{draw(scatter, axis)}</div>"
            for number, axis in enumerate(axes)
        )
        return f"<figure class=scatter>{drawn}<figcaption>{escape(scatter.caption)}</figcaption></figure>"


def _thumbnail(picture: Thumbnail) -> str:
    content = base64.b64encode(picture.content).decode()
    return f'<li><img src="data:image/jpeg;base64,{content}" alt=""><span>{escape(picture.label)}</span></li>'


def _data_of(choice: Choice) -> dict[str, object]:
    """The data with which the script writes the recommendation for other limits."""
    scatter = choice.scatter
    limits = [_limit(axis, [mark.x[axis.key].value for mark in scatter.drawn(axis)]) for axis in scatter.xs]
    return {
        "words": vars(choice.words),
        "run": choice.run_cost,
        "most": MOST_LISTED,
        "chance": chance(choice),
        "limits": [limit for limit in limits if len(limit["values"]) >= FEWEST_STEPS],
        "marks": [
            {
                "name": mark.name,
                "group": mark.group,
                "top1": mark.y.text,
                "low": end(mark.y.low),
                "high": end(mark.y.high),
                "above": choice.above_chance(place),
                "x": {key: [reading.value, reading.text] for key, reading in mark.x.items()},
            }
            for place, mark in enumerate(scatter.marks)
        ],
        "beaten": {leader: sorted(others) for leader, others in choice.beaten.items()},
    }


def _limit(axis: Axis, values: Sequence[float]) -> dict[str, Sequence[object]]:
    """The values that a limit on `axis` can have, and their texts, which are rounded up."""
    written = {at_most(value): value for value in sorted(values)}
    return {"key": axis.key, "label": axis.label, "values": list(written.values()), "texts": list(written)}


def _json(content: object) -> str:
    """JSON for a script element: no text in it can end the element or begin a comment (WHATWG HTML, 4.12.1.3)."""
    text = json.dumps(content, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _verbatim(text: str) -> str:
    return "\n".join(map(escape, text.split("\n")))


def _data(column: Column, text: Text) -> str:
    return _cell("td", column, text) + "</td>"


def _cell(tag: str, column: Column, text: Text) -> str:
    words = plain(text)
    head = tag.startswith("th")
    wide = len(words) > (MOST_IN_WIDE_HEADING if head else MOST_IN_LINE[column.align])
    medium = head and len(words) > MOST_IN_HEADING and not wide
    short = not head and column.align == "left" and " " in words and len(words) <= MOST_UNBROKEN
    kinds = [
        kind
        for kind, has in (("right", column.align == "right"), ("wide", wide), ("medium", medium), ("short", short))
        if has
    ]
    return f"<{tag}{_class(kinds)}>{_joined(_inline(text))}"


def _joined(text: str) -> str:
    """`text` without line breaks between a number and its sign or unit: "± 1.8 (3 seeds)", "MobileNet †"."""
    return COUNT.sub(r"\1&nbsp;\2", text.replace("± ", "±&nbsp;").replace(" †", "&nbsp;†"))


def _class(kinds: Sequence[str]) -> str:
    return f' class="{" ".join(kinds)}"' if len(kinds) > 1 else f" class={kinds[0]}" if kinds else ""


def _inline(text: Text) -> str:
    return "".join(map(_piece, inlines(text)))


def _piece(piece: Inline) -> str:
    match piece:
        case str():
            return escape(piece)
        case Emphasis(text):
            return f"<em>{escape(text)}</em>"
        case Strong(text):
            return f"<strong>{escape(text)}</strong>"
        case Code(text):
            return f"<code>{escape(text)}</code>"
        case Link(text, url):
            return f'<a href="{escape(url)}">{escape(text)}</a>' if piece.followed else escape(text)
