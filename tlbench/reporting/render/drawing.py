"""Functions that all SVG pictures share. Text is escaped by `html.escape`."""

import math
from collections.abc import Mapping
from html import escape as escape_html
from textwrap import wrap

from tlbench.reporting.plots import COLOURS, Look
from tlbench.reporting.render.characters import one_line
from tlbench.reporting.render.scale import Scale, written

WIDTH, NARROW = 720, 360
"""The width in pixels of a picture, and of the one for phones, which has the same font size."""
LEFT, RIGHT, TOP, BOTTOM = 52, 16, 14, 46
LETTER, SMALL_LETTER = 7.0, 5.9
"""The mean width of a letter in pixels, in labels and in ticks."""
LONG_LETTER = 6.4
"""The mean width of a letter in long labels."""
EDGE = 8
"""Pixels around a name."""
LINE = 18
"""The height of a line of a legend in pixels."""


def escape(text: str) -> str:
    """Escape `text` for use between tags or in a quoted attribute."""
    return escape_html(one_line(text))


def cut(text: str, most: int) -> str:
    """`text` with at most `most` letters. A longer one is cut in the middle, because names often differ at the end."""
    behind = most // 2
    return text if len(text) <= most else f"{text[: most - 1 - behind]}…{text[len(text) - behind :]}"


def element(title: str, width: float, height: float, inner: str, *, kind: str = "") -> str:
    """The SVG element around `inner`. `title` is for readers who cannot see it, `kind` has further CSS classes."""
    kind = f"figure {kind}".strip()
    return (
        f'<svg class="{kind}" role="group" aria-label="{escape(title)}" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}">{inner}</svg>'
    )


def text(x: float, y: float, words: str, css: str = "", anchor: str = "start", more: str = "") -> str:
    """A text element at a place, with a class of figure.css."""
    kind = f' class="{css}"' if css else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{kind}{more}>{escape(words)}</text>'


def frame(x: Scale, y: Scale, x_label: str, y_label: str, *, share: bool, ticks: int = 9, rows: bool = True) -> str:
    """The grid, the ticks and the labels of both axes, with whether x is logarithmic. `rows`: whether y has ticks."""
    parts = []
    for tick in x.ticks(ticks):
        at = x.at(tick)
        parts.append(f'<path class="grid" d="M{at:.1f} {y.start:.1f}V{y.end:.1f}"/>')
        parts.append(text(at, y.start + 16, written(tick), "tick", "middle"))
    for tick in y.ticks(7) if rows else ():
        at = y.at(tick)
        parts.append(f'<path class="grid" d="M{x.start:.1f} {at:.1f}H{x.end:.1f}"/>')
        parts.append(text(x.start - 6, at + 4, f"{tick * 100:.6g} %" if share else written(tick), "tick", "end"))
    x_label += ", log scale" if x.log else ""
    most = x.end + RIGHT
    lines = wrap(x_label, int(most / LETTER)) or [""]
    first = y.start + (36 if len(lines) == 1 else 30)  # two lines fit into the margin below the ticks
    lines = [lines[0], *([cut(" ".join(lines[1:]), int(most / LETTER))] if lines[1:] else [])]
    half = max(map(len, lines)) * LETTER / 2
    middle = max(min((x.start + x.end) / 2, most - half), half)  # no longer than the picture is wide
    for number, line in enumerate(lines):
        parts.append(text(middle, first + 13 * number, line, "name", "middle"))
    parts.append(text(x.start, y.end - 4, cut(y_label, int((most - x.start) / SMALL_LETTER)), "name"))
    return "".join(parts)


def colour(look: Look) -> str:
    """The CSS class of a colour in figure.css."""
    return f"c{look.colour % COLOURS}"


def shape(look: Look, x: float, y: float, size: float = 5) -> str:
    """The path of a mark. There are eight shapes, so that pictures can be read without colours."""
    s, d = size, size * 1.25
    paths = (
        f"M{x - s:.1f} {y:.1f}a{s} {s} 0 1 0 {2 * s} 0a{s} {s} 0 1 0 {-2 * s} 0z",
        f"M{x - s:.1f} {y - s:.1f}h{2 * s}v{2 * s}h{-2 * s}z",
        f"M{x:.1f} {y - d:.1f}l{d} {2 * s}h{-2 * d}z",
        f"M{x:.1f} {y - d:.1f}l{d} {d}l{-d} {d}l{-d} {-d}z",
        f"M{x:.1f} {y + d:.1f}l{-d} {-2 * s}h{2 * d}z",
        f"M{x - s:.1f} {y - 2:.1f}h{s - 2}v{2 - s}h4v{s - 2}h{s - 2}v4h{2 - s}v{s - 2}h-4v{2 - s}h{2 - s}z",
        f"M{x - d:.1f} {y:.1f}l{2 * s} {-d}v{2 * d}z",
        f"M{x + d:.1f} {y:.1f}l{-2 * s} {-d}v{2 * d}z",
    )
    return paths[look.shape % COLOURS]


def legend(looks: Mapping[str, Look], top: float, width: float = WIDTH) -> tuple[str, float]:
    """The legend, with several short names in a line, and its height in pixels."""
    left = LEFT if width >= WIDTH else EDGE
    longest = max(map(len, looks), default=0) * LETTER + 36
    in_row = max(1, int((width - left - RIGHT) // longest))
    most = int((width - left - 18) / LONG_LETTER)
    inner = ""
    for number, (name, look) in enumerate(looks.items()):
        x, y = left + number % in_row * longest, top + LINE * (number // in_row) + 8
        inner += f'<g class="{colour(look)}"><path class="shape" d="{shape(look, x + 6, y)}"/></g>'
        inner += text(x + 18, y + 4, cut(name, most), "label")
    return inner, LINE * math.ceil(len(looks) / in_row) + 6
