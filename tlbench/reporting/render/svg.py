"""Pictures as SVG: the same elements in a page and, with their style, in a file."""

from importlib.resources import files

from tlbench.reporting.plots import Axis, Confusion, Curves, Picture, Scatter, Spans, Strips
from tlbench.reporting.render import confusion, curves, scatter, spans, strips

STYLE = files("tlbench.reporting.render").joinpath("assets/figure.css").read_text(encoding="utf-8")


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
            return scatter.draw(picture, axis or picture.xs[0])
        case Curves():
            return curves.draw(picture)
        case Confusion():
            return confusion.draw(picture)
        case Strips():
            return strips.draw(picture)
        case Spans():
            return spans.draw(picture)
