"""Lines over common axes, panels side by side, as SVG."""

from tlbench.reporting.plots import Curves, Line, Panel
from tlbench.reporting.render.drawing import (
    BOTTOM,
    COLOURS,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    element,
    escape,
    frame,
    legend,
    shape,
)
from tlbench.reporting.render.scale import Scale


def draw(curves: Curves) -> str:
    """Panels, and below them what has which mark."""
    height, gap = 250, 56
    wide = (WIDTH - LEFT - RIGHT - gap * (len(curves.panels) - 1)) / max(1, len(curves.panels))
    things = list(dict.fromkeys(line.of for panel in curves.panels for line in panel.lines))
    inner = ""
    for number, panel in enumerate(curves.panels):
        start = LEFT + number * (wide + gap)
        inner += _panel(panel, curves, start, start + wide, height, things)
    names, below = legend(things, height)
    return element(curves.title, WIDTH, height + below, inner + names)


def _panel(panel: Panel, curves: Curves, start: float, end: float, height: float, things: list[str]) -> str:
    points = [point for line in panel.lines for point in line.points]
    x = Scale.over([a for a, _ in points], start, end, log=curves.log)
    y = Scale.over([b for _, b in points], height - BOTTOM, TOP + 10)
    inner = frame(x, y, curves.x, panel.y, share=panel.share, ticks=6)
    return inner + "".join(_line(line, things.index(line.of), x, y) for line in panel.lines)


def _line(line: Line, number: int, x: Scale, y: Scale) -> str:
    places = [(x.at(a), y.at(b)) for a, b in line.points]
    dash = " dashed" if line.dashed else ""
    path = " ".join(f"{a:.1f},{b:.1f}" for a, b in places)
    marks = "".join(shape(number, a, b, 3) for a, b in places) if line.marked else ""
    return (
        f'<g class="mark c{number % COLOURS}"><title>{escape(line.name)}</title>'
        f'<polyline class="line{dash}" points="{path}"/><path class="shape{dash}" d="{marks}"/></g>'
    )
