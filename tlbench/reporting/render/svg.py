"""Pictures as SVG: the same elements in a page and, with their style, in a file. Text is escaped by `html.escape`."""

from html import escape as escape_html
from importlib.resources import files

from tlbench.reporting.plots import Axis, Confusion, Curves, Line, Mark, Panel, Picture, Reading, Scatter
from tlbench.reporting.render.characters import one_line
from tlbench.reporting.render.scale import Scale, written

STYLE = files("tlbench.reporting.render").joinpath("assets/figure.css").read_text(encoding="utf-8")
WIDTH = 720
LEFT, RIGHT, TOP, BOTTOM = 52, 16, 14, 46
COLOURS = 8
"""Classes c0 to c7 of figure.css; shapes go round with them, so that no picture needs its colours."""
LETTER = 6.3
"""Pixels of a letter on the average, at the size of a label."""
MOST_CLASSES_WITH_NUMBERS = 25
DARKEST = 0.45
"""Opacity of a cell's shade where all images of a class are in it: text on it can still be read."""
MOST_WITH_BARS = 40
"""Marks; of more, those that another one dominates show their bars only when they are pointed at."""


def file(picture: Picture) -> str:
    """A file of its own: on a viewer's own background, light or dark."""
    axis = picture.xs[0] if isinstance(picture, Scatter) else None
    inner = draw(picture, axis)
    opening = inner.index(">") + 1
    head = inner[:opening].replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    back = '<rect width="100%" height="100%" class="paper"/>'
    return f"{head}<style>{STYLE}</style>{back}{inner[opening:]}\n"


def draw(picture: Picture, axis: Axis | None = None) -> str:
    """The picture's element; of a scatter the one over `axis`."""
    match picture:
        case Scatter():
            return _scatter(picture, axis or picture.xs[0])
        case Curves():
            return _curves(picture)
        case Confusion():
            return _confusion(picture)


def escape(text: str) -> str:
    """Text that shows as it is, between tags or in the quotes of an attribute."""
    return escape_html(one_line(text))


def _svg(title: str, width: float, height: float, inner: str, *, dense: bool = False) -> str:
    kind = "figure dense" if dense else "figure"
    return (
        f'<svg class="{kind}" role="group" aria-label="{escape(title)}" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}">{inner}</svg>'
    )


def _text(x: float, y: float, text: str, css: str = "", anchor: str = "start", more: str = "") -> str:
    kind = f' class="{css}"' if css else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{kind}{more}>{escape(text)}</text>'


def _frame(x: Scale, y: Scale, x_label: str, y_label: str, *, share: bool, ticks: int = 9) -> str:
    """Grid, numbers and names of both axes."""
    parts = []
    for tick in x.ticks(ticks):
        at = x.at(tick)
        parts.append(f'<path class="grid" d="M{at:.1f} {y.start:.1f}V{y.end:.1f}"/>')
        parts.append(_text(at, y.start + 16, written(tick), "tick", "middle"))
    for tick in y.ticks(7):
        at = y.at(tick)
        parts.append(f'<path class="grid" d="M{x.start:.1f} {at:.1f}H{x.end:.1f}"/>')
        parts.append(_text(x.start - 6, at + 4, f"{tick * 100:.6g} %" if share else written(tick), "tick", "end"))
    parts.append(_text((x.start + x.end) / 2, y.start + 36, x_label, "name", "middle"))
    parts.append(_text(x.start, y.end - 4, y_label, "name"))
    return "".join(parts)


def shape(number: int, x: float, y: float, size: float = 5) -> str:
    """The path of a mark: eight shapes that differ without colour."""
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
    return paths[number % COLOURS]


def _scatter(scatter: Scatter, axis: Axis) -> str:
    marks, height = scatter.drawn(axis), 420
    xs = [end for mark in marks for end in _ends(mark.x[axis.key])]
    ys = [end for mark in marks for end in _ends(mark.y)]
    x = Scale.over(xs, LEFT, WIDTH - RIGHT, log=axis.log)
    y = Scale.over(ys, height - BOTTOM, TOP + 10)
    groups = list(dict.fromkeys(mark.group for mark in scatter.marks))
    front = scatter.undominated(axis)
    inner = _frame(x, y, axis.label, scatter.y.label, share=True)
    for number, group in enumerate(groups):
        path = sorted((x.at(m.x[axis.key].value), y.at(m.y.value)) for m in marks if m.group == group)
        if len(path) > 1:
            points = " ".join(f"{a:.1f},{b:.1f}" for a, b in path)
            inner += f'<polyline class="joined c{number % COLOURS}" points="{points}"/>'
    places = {mark.name: place for place, mark in enumerate(scatter.marks)}
    for mark in reversed(marks):  # the best on top
        dominated = mark.name not in front
        inner += _mark(mark, places[mark.name], groups.index(mark.group), x, y, axis, dominated)
    inner += _labels([mark for mark in marks if mark.name in front], marks, x, y, axis)
    return _svg(f"{scatter.title}: {axis.label}", WIDTH, height, inner, dense=len(marks) > MOST_WITH_BARS)


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
    return f" ({reading.low * 100:.1f} to {reading.high * 100:.1f})"


def _labels(front: list[Mark], marks: tuple[Mark, ...], x: Scale, y: Scale, axis: Axis) -> str:
    """Names of marks where they have room: beside, above or below, over no other label and no mark."""
    taken = [_around(x.at(m.x[axis.key].value), y.at(m.y.value)) for m in marks]
    placed = ""
    for mark in front:
        across, up = x.at(mark.x[axis.key].value), y.at(mark.y.value)
        long = LETTER * len(mark.name)
        for dx, dy, anchor in ((9, 4, "start"), (-9, 4, "end"), (0, -10, "middle"), (0, 18, "middle")):
            left = across + dx - {"start": 0, "end": long, "middle": long / 2}[anchor]
            box = (left, up + dy - 10, left + long, up + dy + 3)
            free = all(box[0] > o[2] or box[2] < o[0] or box[1] > o[3] or box[3] < o[1] for o in taken)
            if free and box[0] > LEFT and box[2] < WIDTH - 2 and box[1] > TOP:
                taken.append(box)
                placed += _text(across + dx, up + dy, mark.name, "label", anchor)
                break
    return placed


def _around(across: float, up: float) -> tuple[float, float, float, float]:
    return across - 6, up - 6, across + 6, up + 6


def _curves(curves: Curves) -> str:
    height, gap = 250, 56
    wide = (WIDTH - LEFT - RIGHT - gap * (len(curves.panels) - 1)) / max(1, len(curves.panels))
    things = list(dict.fromkeys(line.of for panel in curves.panels for line in panel.lines))
    inner = ""
    for number, panel in enumerate(curves.panels):
        start = LEFT + number * (wide + gap)
        inner += _panel(panel, curves.x, start, start + wide, height, things)
    for row, thing in enumerate(things):
        at = height + 18 * row + 8
        inner += f'<g class="mark c{row % COLOURS}"><path class="shape" d="{shape(row, LEFT + 6, at)}"/></g>'
        inner += _text(LEFT + 18, at + 4, thing, "label")
    return _svg(curves.title, WIDTH, height + 18 * len(things) + 6, inner)


def _panel(panel: Panel, x_label: str, start: float, end: float, height: float, things: list[str]) -> str:
    points = [point for line in panel.lines for point in line.points]
    x = Scale.over([a for a, _ in points], start, end)
    y = Scale.over([b for _, b in points], height - BOTTOM, TOP + 10)
    inner = _frame(x, y, x_label, panel.y, share=panel.share, ticks=6)
    return inner + "".join(_line(line, things.index(line.of), x, y) for line in panel.lines)


def _line(line: Line, number: int, x: Scale, y: Scale) -> str:
    places = [(x.at(a), y.at(b)) for a, b in line.points]
    dash = " dashed" if line.dashed else ""
    path = " ".join(f"{a:.1f},{b:.1f}" for a, b in places)
    marks = "".join(shape(number, a, b, 3) for a, b in places)
    return (
        f'<g class="mark c{number % COLOURS}"><title>{escape(line.name)}</title>'
        f'<polyline class="line{dash}" points="{path}"/><path class="shape{dash}" d="{marks}"/></g>'
    )


def _confusion(picture: Confusion) -> str:
    number = len(picture.classes)
    size = max(8.0, min(44.0, 480 / max(1, number)))
    names = min(15, max(map(len, picture.classes), default=0))
    left, top = names * 7 + 16, names * 5 + 26
    inner = ""
    for row, (name, counts) in enumerate(zip(picture.classes, picture.counts, strict=True)):
        y, total = top + row * size, sum(counts) or 1
        inner += _text(left - 6, y + size / 2 + 4, _short(name), "tick", "end")
        for column, count in enumerate(counts):
            x, share = left + column * size, count / total
            said = escape(f"{name} taken for {picture.classes[column]}: {count} of {total}")
            hot = "hit" if row == column else "miss"
            inner += (
                f'<rect class="{hot}" x="{x:.1f}" y="{y:.1f}" width="{size - 1:.1f}" height="{size - 1:.1f}" '
                f'fill-opacity="{0.05 + (DARKEST - 0.05) * share:.2f}"><title>{said}</title></rect>'
            )
            if number <= MOST_CLASSES_WITH_NUMBERS:
                inner += _text(x + size / 2, y + size / 2 + 4, str(count), "count", "middle")
    for column, name in enumerate(picture.classes):
        x = left + column * size + size / 2
        inner += _text(x, top - 6, _short(name), "tick", "start", f' transform="rotate(-40 {x:.1f} {top - 6:.1f})"')
    width = left + number * size + names * 6 + 8
    inner += _text(left - 6, top + number * size + 20, "Rows: true class. Columns: predicted class.", "name")
    return _svg(picture.title, max(width, left + 300), top + number * size + 30, inner)


def _short(name: str) -> str:
    return name if len(name) <= 15 else f"{name[:14]}…"
