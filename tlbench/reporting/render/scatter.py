"""Scatter plots with intervals as SVG."""

from collections.abc import Mapping, Sequence

from tlbench.reporting.answer import end
from tlbench.reporting.plots import COLOURS, Axis, Look, Mark, Reading, Scatter
from tlbench.reporting.render.drawing import (
    BOTTOM,
    LEFT,
    LETTER,
    RIGHT,
    TOP,
    WIDTH,
    colour,
    element,
    escape,
    frame,
    legend,
    shape,
    text,
)
from tlbench.reporting.render.scale import Scale

MOST_WITH_BARS = 40
"""With more marks, those that another one dominates show their bars only under the pointer."""
GAP = 3
"""The pixels that are kept free on both sides of a name."""
ALIKE, BESIDE, APART, FURTHEST = 3.0, 4, 12, 24
"""Pixels: costs that are no further apart are drawn as one; from one bar to the next and from one mark to the next that
would hide each other; and as far as a mark is moved at most."""
BESIDE_MARK = (
    *((10, 4, "start"), (-10, 4, "end"), (0, -10, "middle"), (0, 18, "middle")),
    *((7, -8, "start"), (-7, -8, "end"), (7, 16, "start"), (-7, 16, "end")),
)
"""Where the name of a mark may stand, the best places first: pixels to the right and down, and what of it is there."""
Places = Mapping[str, tuple[float, float]]
"""The place of each mark by its name, in pixels."""


def draw(scatter: Scatter, axis: Axis, width: float = WIDTH, kind: str = "") -> str:
    """The marks over `axis`, with a legend if the groups can be distinguished."""
    marks, height = scatter.drawn(axis), 420 if width >= WIDTH else 360
    xs = [end for mark in marks for end in _ends(mark.x[axis.key])]
    ys = [end for mark in marks for end in _ends(mark.y)]
    x = Scale.over(xs, LEFT, width - RIGHT, log=axis.log)
    y = Scale.over(ys, height - BOTTOM, TOP + 10)
    looks, front = scatter.looks, scatter.undominated(axis)
    many = len(marks) > MOST_WITH_BARS
    places = side_by_side(marks, axis, x, y, bars=not many)
    inner = frame(x, y, axis.label, scatter.y.label, share=True, ticks=9 if width >= WIDTH else 5)
    for group, look in looks.items():
        path = sorted((x.at(mark.x[axis.key].value), *places[mark.name]) for mark in marks if mark.group == group)
        if path and path[-1][0] - path[0][0] > ALIKE:  # marks with one cost need no line
            points = " ".join(f"{a:.1f},{b:.1f}" for _, a, b in path)
            inner += f'<polyline class="joined {colour(look)}" points="{points}"/>'
    numbers = {mark.name: number for number, mark in enumerate(scatter.marks)}
    for mark in reversed(marks):  # so that the best are on top
        more = "" if mark.name in front else " dominated faded" if many else " dominated"
        kinds = f"mark {colour(looks[mark.group])}{more}"
        inner += _mark(mark, numbers[mark.name], looks[mark.group], places[mark.name], (x, y), axis, kinds)
    told = 1 < len(looks) <= COLOURS  # of more groups, the names of marks say their groups
    inner += _labels(sorted(marks, key=lambda mark: mark.name not in front), places, (x, y), short=told)
    names, below = legend(looks, height, width) if told else ("", 0)
    kind = f"dense {kind}" if many else kind
    return element(f"{scatter.title}: {axis.label}", width, height + below, inner + names, kind=kind)


def side_by_side(marks: Sequence[Mark], axis: Axis, x: Scale, y: Scale, *, bars: bool) -> Places:
    """The places of marks. Those of one cost are moved sideways if a mark or, with `bars`, an interval hides another.

    The first mark of each cost is not moved, nor are marks that would have to be moved by more than `FURTHEST`.
    """
    placed: dict[str, tuple[float, float]] = {}
    done: list[tuple[float, Mark]] = []
    for mark in marks:
        true, up = x.at(mark.x[axis.key].value), y.at(mark.y.value)
        near = [other for at, other in done if abs(at - true) <= ALIKE]
        ways = [true + sign * step for step in range(0, FURTHEST + 1, BESIDE) for sign in ((1, -1) if step else (1,))]

        def free(at: float, others: Sequence[Mark], *, bars: bool, mark: Mark = mark, up: float = up) -> bool:
            for other in others:
                apart = abs(placed[other.name][0] - at)
                if abs(placed[other.name][1] - up) < APART and apart < APART:
                    return False
                if bars and apart < BESIDE and _overlap(mark.y, other.y):
                    return False
            return True

        fitting = [at for way in dict.fromkeys((bars, False)) for at in ways if free(at, near, bars=way)]
        placed[mark.name] = (next(iter(fitting), true), up)
        done.append((true, mark))
    return placed


def _overlap(one: Reading, other: Reading) -> bool:
    if one.low is None or one.high is None or other.low is None or other.high is None:
        return False
    return one.low <= other.high and other.low <= one.high


def _ends(reading: Reading) -> list[float]:
    return [value for value in (reading.low, reading.value, reading.high) if value is not None]


def _mark(
    mark: Mark,
    number: int,
    look: Look,
    place: tuple[float, float],
    scales: tuple[Scale, Scale],
    axis: Axis,
    kinds: str,
) -> str:
    (across, up), (x, y), bars = place, scales, ""
    if mark.y.low is not None and mark.y.high is not None:
        bars += f"M{across:.1f} {y.at(mark.y.low):.1f}V{y.at(mark.y.high):.1f}"
    reading = mark.x[axis.key]
    if reading.low is not None and reading.high is not None:
        bars += f"M{x.at(reading.low):.1f} {up:.1f}H{x.at(reading.high):.1f}"
    said = escape(f"{mark.name}: {mark.y.text}{_interval(mark.y)}; {reading.text}")
    return (
        f'<g class="{kinds}" data-place="{number}" tabindex="0" role="img"><title>{said}</title>'
        f'<path class="bar" d="{bars}"/><path class="shape" d="{shape(look, across, up)}"/></g>'
    )


def _interval(reading: Reading) -> str:
    if reading.low is None or reading.high is None:
        return ""
    return f" ({end(reading.low)} to {end(reading.high)})"


def _labels(marks: Sequence[Mark], places: Places, scales: tuple[Scale, Scale], *, short: bool) -> str:
    """The names of marks beside, above or below them, where they fit within the axes and overlap no label or mark.

    The first marks have the first choice. With `short`, names are without the group, which is in the legend.
    """
    (x, y), placed = scales, ""
    taken = [_around(*places[mark.name]) for mark in marks]
    for mark in marks[:MOST_WITH_BARS]:
        name = mark.name.removeprefix(f"{mark.group}, ") if short else mark.name
        across, up = places[mark.name]
        long = LETTER * len(name)
        for dx, dy, anchor in BESIDE_MARK:
            left = across + dx - {"start": 0, "end": long, "middle": long / 2}[anchor]
            box = (left - GAP, up + dy - 10, left + long + GAP, up + dy + 3)
            free = all(box[0] > o[2] or box[2] < o[0] or box[1] > o[3] or box[3] < o[1] for o in taken)
            if free and left > x.start and left + long < x.end + RIGHT - 2 and y.end < box[1] and box[3] < y.start:
                taken.append(box)
                placed += text(across + dx, up + dy, name, "label", anchor)
                break
    return placed


def _around(across: float, up: float) -> tuple[float, float, float, float]:
    return across - 6, up - 6, across + 6, up + 6
