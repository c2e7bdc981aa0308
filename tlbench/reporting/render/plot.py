"""Figures of series as SVG."""

from collections.abc import Callable

from tlbench.reporting.document import Figure
from tlbench.reporting.numbers import four_digits

WIDTH, NARROW, HEIGHT, EDGE, LEFT = 620, 360, 120, 10, 68
"""Sizes in pixels; NARROW is the width of the picture for phones."""
MOST_IN_TICK = 9
"""The most letters of a number beside the axis."""


def both(figure: Figure, escape: Callable[[str], str]) -> str:
    """The figure twice, for screens and for phones. The style of the page shows one of them."""
    return svg(figure, escape, WIDTH, "figure broad") + svg(figure, escape, NARROW, "figure narrow")


def svg(figure: Figure, escape: Callable[[str], str], width: int = WIDTH, kind: str = "figure") -> str:
    """Points from left to right with tooltips, a dashed line before each break, and both ends of the y axis.

    Args:
        figure: the figure.
        escape: escapes text.
        width: the width in pixels.
        kind: CSS classes of the element.
    """
    values = [point.value for point in figure.points]
    low, high = min(values, default=0.0), max(values, default=0.0)
    step = (width - LEFT - EDGE) / max(len(values) - 1, 1)

    def across(index: float) -> float:
        return LEFT + index * step

    def down(value: float) -> float:
        share = (value - low) / (high - low) if high > low else 0.5
        return HEIGHT - EDGE - share * (HEIGHT - 2 * EDGE)

    lines = "".join(
        f'<line class="line dashed" x1="{across(at):.1f}" x2="{across(at):.1f}" y1="0" y2="{HEIGHT}"/>'
        for at in (index - 0.5 for index in figure.breaks)
    )
    ends = "".join(
        f'<text class="tick" x="{LEFT - EDGE}" y="{down(value) + 4:.1f}" text-anchor="end">{_tick(value)}</text>'
        for value in (sorted({low, high}) if values else ())
    )
    path = " ".join(f"{across(index):.1f},{down(value):.1f}" for index, value in enumerate(values))
    dots = "".join(
        f'<circle class="shape" cx="{across(index):.1f}" cy="{down(point.value):.1f}" r="3">'
        f"<title>{escape(point.label)}</title></circle>"
        for index, point in enumerate(figure.points)
    )
    return (
        f'<svg class="{kind}" role="img" aria-label="{escape(figure.title)}" viewBox="0 0 {width} {HEIGHT}" '
        f'width="{width}" height="{HEIGHT}">{ends}<g class="c1">{lines}</g>'
        f'<g class="c0"><polyline class="line" points="{path}"/>{dots}</g></svg>'
    )


def _tick(value: float) -> str:
    """A number at an end of the axis, in millions if all its digits do not fit beside the axis."""
    words = four_digits(value)
    return words if len(words) <= MOST_IN_TICK else f"{value / 1e6:.6g}M"
