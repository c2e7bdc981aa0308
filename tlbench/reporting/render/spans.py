"""Values with their intervals, and a line at 0, as SVG."""

from tlbench.reporting.plots import Look, Span, Spans, looks
from tlbench.reporting.render.drawing import (
    BOTTOM,
    RIGHT,
    TOP,
    WIDTH,
    colour,
    element,
    escape,
    frame,
    shape,
)
from tlbench.reporting.render.row_names import RowNames
from tlbench.reporting.render.scale import Scale

ROW = 20


def draw(spans: Spans, width: float = WIDTH, kind: str = "") -> str:
    """A row for each value; the values of a group are below its name."""
    found = looks((span.group for span in spans.spans), spans.order)
    named = RowNames.of(list(found), [span.name for span in spans.spans], width)
    row = named.above + ROW
    height = TOP + 10 + row * len(spans.spans) + ROW * len(found) + BOTTOM
    ends = [end for span in spans.spans for end in (span.low, span.value, span.high) if end is not None]
    x = Scale.over([0.0, *ends], named.left, width - RIGHT)
    y = Scale(0, 1, height - BOTTOM, TOP + 10)
    inner = frame(x, y, spans.x, "", share=False, ticks=9 if width >= WIDTH else 5, rows=False)
    inner += f'<path class="zero" d="M{x.at(0):.1f} {height - BOTTOM:.1f}V{TOP + 10}"/>'
    top = TOP + 10.0
    for group, look in found.items():
        inner += named.group(group, top, ROW)
        top += ROW
        for span in spans.spans:
            if span.group == group:
                inner += named.row(span.name, top, ROW) + _span(span, look, top + row - ROW / 2, x)
                top += row
    return element(spans.title, width, height, inner, kind=kind)


def _span(span: Span, look: Look, middle: float, x: Scale) -> str:
    said = escape(f"{span.group}, {span.name}: {span.text}")
    bar = "" if span.low is None or span.high is None else f"M{x.at(span.low):.1f} {middle:.1f}H{x.at(span.high):.1f}"
    drawn = "shape" if span.told else "shape dashed"
    return (
        f'<g class="mark {colour(look)}" tabindex="0" role="img"><title>{said}</title>'
        f'<path class="bar" d="{bar}"/><path class="{drawn}" d="{shape(look, x.at(span.value), middle, 4)}"/></g>'
    )
