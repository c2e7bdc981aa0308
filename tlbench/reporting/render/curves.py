"""Panels of lines as SVG, side by side or, in a narrow picture, one below the other."""

import math

from tlbench.reporting.plots import Curves, Line, Panel
from tlbench.reporting.render.drawing import (
    BOTTOM,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    colour,
    element,
    escape,
    frame,
    legend,
    shape,
)
from tlbench.reporting.render.scale import Scale

HEIGHT, GAP = 250, 56
"""The height of a panel, and the distance between panels, in pixels."""


def draw(curves: Curves, width: float = WIDTH, kind: str = "") -> str:
    """The panels, and a legend below them."""
    beside = max(1, len(curves.panels)) if width >= WIDTH else 1
    wide = (width - LEFT - RIGHT - GAP * (beside - 1)) / beside
    looks = {line.of: line.look for panel in curves.panels for line in panel.lines}
    inner, top = "", 0.0
    for number, panel in enumerate(curves.panels):
        start, top = LEFT + number % beside * (wide + GAP), HEIGHT * (number // beside)
        inner += _panel(panel, curves, start, start + wide, top)
    names, below = legend(looks, top + HEIGHT, width)
    return element(curves.title, width, top + HEIGHT + below, inner + names, kind=kind)


def _panel(panel: Panel, curves: Curves, start: float, end: float, top: float) -> str:
    points = [point for line in panel.lines for point in line.points]
    x = Scale.over([a for a, _ in points], start, end, log=curves.log)
    y = Scale.over([b for _, b in points], top + HEIGHT - BOTTOM, top + TOP + 10)
    ticks = min(6, math.ceil(x.high - x.low)) if curves.x == "Epoch" else 6  # there is no half of an epoch
    inner = frame(x, y, curves.x, panel.y, share=panel.share, ticks=ticks)
    return inner + "".join(_line(line, x, y) for line in panel.lines)


def _line(line: Line, x: Scale, y: Scale) -> str:
    places = [(x.at(a), y.at(b)) for a, b in line.points]
    dash = " dashed" if line.dashed else ""
    path = " ".join(f"{a:.1f},{b:.1f}" for a, b in places)
    marks = "".join(shape(line.look, a, b, 3) for a, b in places) if line.marked else ""
    return (
        f'<g class="mark {colour(line.look)}"><title>{escape(line.name)}</title>'
        f'<polyline class="line{dash}" points="{path}"/><path class="shape{dash}" d="{marks}"/></g>'
    )
