"""A document as one static page: no script, no network, plots as inline SVG."""

from html import escape as escape_html

from tlbench.reporting.document import (
    Block,
    Code,
    Column,
    Document,
    Emphasis,
    Figure,
    Inline,
    Link,
    Listing,
    Note,
    Section,
    Strong,
    Table,
    Text,
    inlines,
    plain,
)
from tlbench.reporting.render import plot
from tlbench.reporting.render.characters import one_line

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
h2 { margin-top: 2.5rem; font-size: 1.1rem; } h3 { font-size: .95rem; margin: 1.2rem 0 .2rem; font-weight: 600; }
table { border-collapse: collapse; } td, th { padding: .2rem .8rem .2rem 0; text-align: left; vertical-align: top; }
.right { text-align: right; }
svg { background: #f7f7f7; } .caption { color: #666; font-size: .85rem; } .note { color: #666; }
"""
DEEPEST = 6


def render(document: Document) -> str:
    """The page."""
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(plain(document.title))}</title>'
        f"<style>{STYLE}</style>{_block(Section(document.title, document.blocks), 1)}</html>\n"
    )


def fragment(document: Document) -> str:
    """The same without the page around it, to stand in another one."""
    return f"<div>{_block(Section(document.title, document.blocks), 1)}</div>"


def escape(text: str) -> str:
    """Text that shows as it is, between tags or in the quotes of an attribute."""
    return escape_html(one_line(text))


def _block(block: Block, level: int) -> str:
    match block:
        case Section(heading, blocks):
            tag = f"h{min(level, DEEPEST)}"
            return f"<{tag}>{_inline(heading)}</{tag}>" + "".join(_block(inner, level + 1) for inner in blocks)
        case Table():
            return _table(block)
        case Note(lines):
            return f'<p class="note">{"<br>".join(map(_inline, lines))}</p>'
        case Listing(items):
            return f"<ul>{''.join(f'<li>{_inline(item)}' for item in items)}</ul>"
        case Figure():
            return f'{plot.svg(block, escape)}<div class="caption">{_inline(block.caption)}</div>'


def _table(table: Table) -> str:
    heads = "".join(_cell("th", column, column.heading) for column in table.columns)
    rows = "".join("<tr>" + "".join(map(_data, table.columns, row)) for row in table.rows)
    return f"<table><tr>{heads}{rows}</table>"


def _data(column: Column, text: Text) -> str:
    return _cell("td", column, text)


def _cell(tag: str, column: Column, text: Text) -> str:
    return f"<{tag}{' class=right' if column.align == 'right' else ''}>{_inline(text)}"


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
