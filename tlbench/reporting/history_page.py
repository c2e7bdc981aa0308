"""The history of many runs as one static page: plots and change points. Pure; needs no network and no script."""

from collections.abc import Sequence
from html import escape

from tlbench.regression.history import Change, Series

WIDTH, HEIGHT, EDGE = 560, 120, 8
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
h2 { margin-top: 2.5rem; font-size: 1.1rem; } h3 { font-size: .95rem; margin: 1.2rem 0 .2rem; font-weight: 600; }
table { border-collapse: collapse; } td, th { padding: .2rem .8rem .2rem 0; text-align: left; vertical-align: top; }
svg { background: #f7f7f7; } .range { color: #666; font-size: .85rem; } .none { color: #666; }
"""


def render(title: str, found: Sequence[Series]) -> str:
    """A page: first what changed, then a plot for each number of each cell."""
    cells: dict[str, list[Series]] = {}
    for one in found:
        cells.setdefault(one.cell, []).append(one)
    sections = "".join(
        f"<h2>{escape(cell)}</h2>" + "".join(_section(one) for one in several) for cell, several in cells.items()
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style>'
        f"<h1>{escape(title)}</h1>{_changes(found)}{sections}</html>\n"
    )


def sentence(series: Series, change: Change) -> str:
    """What moved, how far, when, and what else changed then."""
    share = f" ({change.after / change.before - 1:+.1%})" if change.before else ""
    causes = f"; with it {', '.join(change.causes)}" if change.causes else ""
    unit = f" {series.unit}" if series.unit else ""
    return f"{change.before:.4g} → {change.after:.4g}{unit}{share} at {change.at.run}, {change.at.created}{causes}"


def _changes(found: Sequence[Series]) -> str:
    rows = "".join(
        f"<tr><td>{escape(one.cell)}<td>{escape(one.name)}<td>{escape(sentence(one, change))}"
        for one in found
        for change in one.changes
    )
    if not rows:
        return '<p class="none">No number changed its level.</p>'
    return f"<table><tr><th>Cell<th>Number<th>Change{rows}</table>"


def _section(one: Series) -> str:
    values = [point.value for point in one.points]
    where = f", {one.machine}" if one.machine else ""
    unit = f" {one.unit}" if one.unit else ""
    span = f"{min(values):.4g} to {max(values):.4g}{unit}, {len(values)} runs{where}"
    return f'<h3>{escape(one.name)}</h3>{_plot(one)}<div class="range">{escape(span)}</div>'


def _plot(one: Series) -> str:
    """Points in the order of the runs, each with its run's name as a tooltip; lines where the level changed."""
    values = [point.value for point in one.points]
    low, high = min(values), max(values)
    step = (WIDTH - 2 * EDGE) / max(len(values) - 1, 1)

    def across(index: float) -> float:
        return EDGE + index * step

    def down(value: float) -> float:
        share = (value - low) / (high - low) if high > low else 0.5
        return HEIGHT - EDGE - share * (HEIGHT - 2 * EDGE)

    starts = {id(point): index for index, point in enumerate(one.points)}
    lines = "".join(
        f'<line x1="{across(starts[id(change.at)] - 0.5):.1f}" x2="{across(starts[id(change.at)] - 0.5):.1f}" y1="0" '
        f'y2="{HEIGHT}" stroke="#c33" stroke-dasharray="4 3"/>'
        for change in one.changes
    )
    path = " ".join(f"{across(index):.1f},{down(value):.1f}" for index, value in enumerate(values))
    dots = "".join(
        f'<circle cx="{across(index):.1f}" cy="{down(point.value):.1f}" r="3" fill="#25c">'
        f"<title>{escape(f'{point.run}: {point.value:.5g} {one.unit}')}</title></circle>"
        for index, point in enumerate(one.points)
    )
    name = escape(f"{one.name} of {one.cell}", quote=True)
    return (
        f'<svg role="img" aria-label="{name}" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}">'
        f'{lines}<polyline points="{path}" fill="none" stroke="#25c" stroke-width="1"/>{dots}</svg>'
    )
