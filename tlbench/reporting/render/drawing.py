"""What all pictures are drawn with, in SVG. Text is escaped by `html.escape`."""

import math
from collections.abc import Mapping
from html import escape as escape_html

from tlbench.reporting.plots import COLOURS, Look
from tlbench.reporting.render.characters import one_line
from tlbench.reporting.render.scale import Scale, written

WIDTH, NARROW = 720, 360
"""Pixels of a picture, and of the one that a page shows on a phone, with the same size of letters."""
LEFT, RIGHT, TOP, BOTTOM = 52, 16, 14, 46
LETTER, SMALL_LETTER = 7.0, 5.9
"""Pixels of a letter on the average, at the size of a label and at that of a tick."""
LONG_LETTER = 6.4
"""The same in a name of many letters, at the size of a label."""
EDGE = 8
"""Pixels around a name."""
LINE = 18
"""Pixels from one line of a legend to the next."""


def escape(text: str) -> str:
    """Text that shows as it is, between tags or in the quotes of an attribute."""
    return escape_html(one_line(text))


def cut(text: str, most: int) -> str:
    """Text of `most` letters at most: a longer one loses its middle, since names often differ at their ends."""
    behind = most // 2
    return text if len(text) <= most else f"{text[: most - 1 - behind]}…{text[len(text) - behind :]}"


def element(title: str, width: float, height: float, inner: str, *, kind: str = "") -> str:
    """The picture around `inner`, with a name for those who cannot see it. kind: more classes of the element."""
    kind = f"figure {kind}".strip()
    return (
        f'<svg class="{kind}" role="group" aria-label="{escape(title)}" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}">{inner}</svg>'
    )


def text(x: float, y: float, words: str, css: str = "", anchor: str = "start", more: str = "") -> str:
    """Words at a place, with a class of figure.css."""
    kind = f' class="{css}"' if css else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{kind}{more}>{escape(words)}</text>'


def frame(x: Scale, y: Scale, x_label: str, y_label: str, *, share: bool, ticks: int = 9, rows: bool = True) -> str:
    """Grid, numbers and names of both axes. rows: whether y has numbers."""
    parts = []
    for tick in x.ticks(ticks):
        at = x.at(tick)
        parts.append(f'<path class="grid" d="M{at:.1f} {y.start:.1f}V{y.end:.1f}"/>')
        parts.append(text(at, y.start + 16, written(tick), "tick", "middle"))
    for tick in y.ticks(7) if rows else ():
        at = y.at(tick)
        parts.append(f'<path class="grid" d="M{x.start:.1f} {at:.1f}H{x.end:.1f}"/>')
        parts.append(text(x.start - 6, at + 4, f"{tick * 100:.6g} %" if share else written(tick), "tick", "end"))
    half, most = len(x_label) * LETTER / 2, x.end + RIGHT
    middle = max(min((x.start + x.end) / 2, most - half), half)  # no longer than the picture is wide
    parts.append(text(middle, y.start + 36, x_label, "name", "middle"))
    parts.append(text(x.start, y.end - 4, cut(y_label, int((most - x.start) / SMALL_LETTER)), "name"))
    return "".join(parts)


def colour(look: Look) -> str:
    """The class of figure.css."""
    return f"c{look.colour % COLOURS}"


def shape(look: Look, x: float, y: float, size: float = 5) -> str:
    """The path of a mark: eight shapes that differ without colour, so that no picture needs its colours."""
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
    """A line for each name with its mark, or several in a row where they are short; and the pixels that it takes."""
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
