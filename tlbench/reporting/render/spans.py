"""Values with their intervals beside a line at 0, one under the other, as SVG."""

from tlbench.reporting.plots import Span, Spans
from tlbench.reporting.render.drawing import (
    BOTTOM,
    COLOURS,
    LETTER,
    RIGHT,
    TOP,
    WIDTH,
    cut,
    element,
    escape,
    frame,
    shape,
    text,
)
from tlbench.reporting.render.scale import Scale

ROW = 20
MOST_LEFT, SMALL_LETTER = 360.0, 5.9
"""Pixels that names may take, and of a letter on the average at their size."""


def draw(spans: Spans) -> str:
    """A row for each value, those of a group under its name."""
    groups = list(dict.fromkeys(span.group for span in spans.spans))
    widest = max(max(len(span.name) * SMALL_LETTER, len(span.group) * LETTER) for span in spans.spans)
    left = min(MOST_LEFT, widest + 16)
    height = TOP + 10 + ROW * (len(spans.spans) + len(groups)) + BOTTOM
    ends = [end for span in spans.spans for end in (span.low, span.value, span.high) if end is not None]
    x = Scale.over([0.0, *ends], left, WIDTH - RIGHT)
    inner = frame(x, Scale(0, 1, height - BOTTOM, TOP + 10), spans.x, "", share=False, rows=False)
    inner += f'<path class="zero" d="M{x.at(0):.1f} {height - BOTTOM:.1f}V{TOP + 10}"/>'
    middle, room = TOP + 10 + ROW / 2, left - 15
    for number, group in enumerate(groups):
        inner += text(left - 8, middle + 4, cut(group, int(room / LETTER)), "label", "end")
        middle += ROW
        for span in spans.spans:
            if span.group == group:
                inner += text(left - 8, middle + 4, cut(span.name, int(room / SMALL_LETTER)), "tick", "end")
                inner += _span(span, number, middle, x)
                middle += ROW
    return element(spans.title, WIDTH, height, inner)


def _span(span: Span, number: int, middle: float, x: Scale) -> str:
    said = escape(f"{span.group}, {span.name}: {span.text}")
    bar = "" if span.low is None or span.high is None else f"M{x.at(span.low):.1f} {middle:.1f}H{x.at(span.high):.1f}"
    kind = "shape" if span.told else "shape dashed"
    return (
        f'<g class="mark c{number % COLOURS}" tabindex="0" role="img" aria-label="{said}"><title>{said}</title>'
        f'<path class="bar" d="{bar}"/><path class="{kind}" d="{shape(number, x.at(span.value), middle, 4)}"/></g>'
    )
