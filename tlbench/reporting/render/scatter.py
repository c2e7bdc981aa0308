"""Points with their intervals over one of several axes, as SVG."""

from tlbench.reporting.answer import end
from tlbench.reporting.plots import Axis, Mark, Reading, Scatter
from tlbench.reporting.render.drawing import (
    BOTTOM,
    COLOURS,
    LEFT,
    LETTER,
    RIGHT,
    TOP,
    WIDTH,
    element,
    escape,
    frame,
    legend,
    shape,
    text,
)
from tlbench.reporting.render.scale import Scale

MOST_WITH_BARS = 40
"""Marks; of more, those that another one dominates show their bars only when they are pointed at."""
GAP = 3
"""Pixels that stay free on either side of a name."""


def draw(scatter: Scatter, axis: Axis) -> str:
    """Marks over `axis`, with a legend where groups can be told apart."""
    marks, height = scatter.drawn(axis), 420
    xs = [end for mark in marks for end in _ends(mark.x[axis.key])]
    ys = [end for mark in marks for end in _ends(mark.y)]
    x = Scale.over(xs, LEFT, WIDTH - RIGHT, log=axis.log)
    y = Scale.over(ys, height - BOTTOM, TOP + 10)
    groups = scatter.groups
    front = scatter.undominated(axis)
    inner = frame(x, y, axis.label, scatter.y.label, share=True)
    for number, group in enumerate(groups):
        path = sorted((x.at(m.x[axis.key].value), y.at(m.y.value)) for m in marks if m.group == group)
        if len(path) > 1:
            points = " ".join(f"{a:.1f},{b:.1f}" for a, b in path)
            inner += f'<polyline class="joined c{number % COLOURS}" points="{points}"/>'
    places = {mark.name: place for place, mark in enumerate(scatter.marks)}
    for mark in reversed(marks):  # the best on top
        dominated = mark.name not in front
        inner += _mark(mark, places[mark.name], groups.index(mark.group), x, y, axis, dominated)
    told = 1 < len(groups) <= COLOURS  # of more groups, marks are alike
    inner += _labels(sorted(marks, key=lambda mark: mark.name not in front), x, y, axis, short=told)
    names, below = legend(groups, height) if told else ("", 0)
    many = len(marks) > MOST_WITH_BARS
    return element(f"{scatter.title}: {axis.label}", WIDTH, height + below, inner + names, dense=many)


def _ends(reading: Reading) -> list[float]:
    return [value for value in (reading.low, reading.value, reading.high) if value is not None]


def _mark(mark: Mark, place: int, number: int, x: Scale, y: Scale, axis: Axis, dominated: bool) -> str:
    across, up = x.at(mark.x[axis.key].value), y.at(mark.y.value)
    bars = ""
    if mark.y.low is not None and mark.y.high is not None:
        bars += f"M{across:.1f} {y.at(mark.y.low):.1f}V{y.at(mark.y.high):.1f}"
    reading = mark.x[axis.key]
    if reading.low is not None and reading.high is not None:
        bars += f"M{x.at(reading.low):.1f} {up:.1f}H{x.at(reading.high):.1f}"
    said = escape(f"{mark.name}: {mark.y.text}{_interval(mark.y)}; {reading.text}")
    kind = f"mark c{number % COLOURS}{' dominated' if dominated else ''}"
    return (
        f'<g class="{kind}" data-place="{place}" tabindex="0" role="img" aria-label="{said}"><title>{said}</title>'
        f'<path class="bar" d="{bars}"/><path class="shape" d="{shape(number, across, up)}"/></g>'
    )


def _interval(reading: Reading) -> str:
    if reading.low is None or reading.high is None:
        return ""
    return f" ({end(reading.low)} to {end(reading.high)})"


def _labels(marks: list[Mark], x: Scale, y: Scale, axis: Axis, *, short: bool) -> str:
    """Names of marks where they have room: beside, above or below, over no other label and no mark.

    The first ones have the first choice. short: without the group, which the legend tells.
    """
    taken = [_around(x.at(m.x[axis.key].value), y.at(m.y.value)) for m in marks]
    placed = ""
    for mark in marks[:MOST_WITH_BARS]:
        name = mark.name.removeprefix(f"{mark.group}, ") if short else mark.name
        across, up = x.at(mark.x[axis.key].value), y.at(mark.y.value)
        long = LETTER * len(name)
        for dx, dy, anchor in ((10, 4, "start"), (-10, 4, "end"), (0, -10, "middle"), (0, 18, "middle")):
            left = across + dx - {"start": 0, "end": long, "middle": long / 2}[anchor]
            box = (left - GAP, up + dy - 10, left + long + GAP, up + dy + 3)
            free = all(box[0] > o[2] or box[2] < o[0] or box[1] > o[3] or box[3] < o[1] for o in taken)
            if free and left > LEFT and left + long < WIDTH - 2 and box[1] > TOP:
                taken.append(box)
                placed += text(across + dx, up + dy, name, "label", anchor)
                break
    return placed


def _around(across: float, up: float) -> tuple[float, float, float, float]:
    return across - 6, up - 6, across + 6, up + 6
