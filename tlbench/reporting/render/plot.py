"""A figure as SVG."""

from collections.abc import Callable

from tlbench.reporting.document import Figure

WIDTH, HEIGHT, EDGE = 560, 120, 8


def svg(figure: Figure, escape: Callable[[str], str]) -> str:
    """Points from left to right, the label of each as a tooltip; a dashed line before each break."""
    values = [point.value for point in figure.points]
    low, high = min(values, default=0.0), max(values, default=0.0)
    step = (WIDTH - 2 * EDGE) / max(len(values) - 1, 1)

    def across(index: float) -> float:
        return EDGE + index * step

    def down(value: float) -> float:
        share = (value - low) / (high - low) if high > low else 0.5
        return HEIGHT - EDGE - share * (HEIGHT - 2 * EDGE)

    lines = "".join(
        f'<line x1="{across(index - 0.5):.1f}" x2="{across(index - 0.5):.1f}" y1="0" '
        f'y2="{HEIGHT}" stroke="#c33" stroke-dasharray="4 3"/>'
        for index in figure.breaks
    )
    path = " ".join(f"{across(index):.1f},{down(value):.1f}" for index, value in enumerate(values))
    dots = "".join(
        f'<circle cx="{across(index):.1f}" cy="{down(point.value):.1f}" r="3" fill="#25c">'
        f"<title>{escape(point.label)}</title></circle>"
        for index, point in enumerate(figure.points)
    )
    return (
        f'<svg role="img" aria-label="{escape(figure.title)}" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
        f'height="{HEIGHT}">{lines}<polyline points="{path}" fill="none" stroke="#25c" stroke-width="1"/>{dots}</svg>'
    )
