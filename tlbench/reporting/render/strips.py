"""Strips of samples as SVG."""

from tlbench.reporting.plots import Look, Strip, Strips, looks
from tlbench.reporting.render.drawing import (
    BOTTOM,
    RIGHT,
    TOP,
    WIDTH,
    colour,
    element,
    escape,
    frame,
)
from tlbench.reporting.render.row_names import RowNames
from tlbench.reporting.render.scale import Scale

ROW, GROUP = 26, 20
"""The heights in pixels of a strip, and of the name of a group above its strips."""
LANES = 5
"""Heights within a row at which samples are drawn in turn, so that equal ones do not hide each other."""


def draw(strips: Strips, width: float = WIDTH, kind: str = "") -> str:
    """A row for each strip, with dots for samples and a line for the value that tables show.

    The strips of a group are below its name or, if each group has one strip, beside it.
    """
    every = [sample for strip in strips.strips for sample in strip.samples]
    found = looks((strip.group for strip in strips.strips), strips.order)
    alone = len(found) == len(strips.strips)
    names = [f"{strip.group}: {strip.name}" if alone else strip.name for strip in strips.strips]
    named = RowNames.of([] if alone else list(found), names, width)
    row = named.above + ROW
    height = TOP + 10 + row * len(strips.strips) + (0 if alone else GROUP * len(found)) + BOTTOM
    x = Scale.over(every, named.left, width - RIGHT, log=True)
    y = Scale(0, 1, height - BOTTOM, TOP + 10)
    inner = frame(x, y, strips.x, "", share=False, ticks=9 if width >= WIDTH else 5, rows=False)
    top = TOP + 10.0
    for group, look in found.items():
        if not alone:
            inner += named.group(group, top, GROUP)
            top += GROUP
        for name, strip in zip(names, strips.strips, strict=True):
            if strip.group == group:
                inner += named.row(name, top, ROW) + _strip(strip, look, top + row - ROW / 2, x)
                top += row
    return element(strips.title, width, height, inner, kind=kind)


def _strip(strip: Strip, look: Look, middle: float, x: Scale) -> str:
    step = (ROW - 12) / (LANES - 1)
    dots = "".join(
        f"M{x.at(sample):.1f} {middle + (place % LANES - LANES // 2) * step:.1f}h0"
        for place, sample in enumerate(strip.samples)
    )
    at = x.at(strip.value)
    said = escape(f"{strip.group}, {strip.name}: {strip.text}")
    return (
        f'<g class="mark {colour(look)}" tabindex="0" role="img"><title>{said}</title>'
        f'<path class="dots" d="{dots}"/>'
        f'<path class="middle" d="M{at:.1f} {middle - ROW / 2 + 3:.1f}v{ROW - 6}"/></g>'
    )
