"""Pictures as SVG, for pages and, with their style, for files."""

from importlib.resources import files

from tlbench.reporting.plots import Axis, Confusion, Curves, Picture, Scatter, Spans, Strips
from tlbench.reporting.render import confusion, curves, scatter, spans, strips
from tlbench.reporting.render.drawing import NARROW, WIDTH

STYLE = files("tlbench.reporting.render").joinpath("assets/figure.css").read_text(encoding="utf-8")


def file(picture: Picture) -> str:
    """The picture as a file, with a transparent background, and colours for light and dark ones."""
    axis = picture.xs[0] if isinstance(picture, Scatter) else None
    inner = draw(picture, axis)
    opening = inner.index(">") + 1
    head = inner[:opening].replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    back = '<rect width="100%" height="100%" class="paper"/>'
    return f"{head}<style>{STYLE}</style>{back}{inner[opening:]}\n"


def draw(picture: Picture, axis: Axis | None = None, width: float = WIDTH, kind: str = "") -> str:
    """The SVG element of a picture.

    Args:
        picture: the picture.
        axis: the x axis of a scatter plot.
        width: the width in pixels, from which a confusion matrix may differ.
        kind: further CSS classes.
    """
    match picture:
        case Scatter():
            return scatter.draw(picture, axis or picture.xs[0], width, kind)
        case Curves():
            return curves.draw(picture, width, kind)
        case Confusion():
            return confusion.draw(picture, width, kind)
        case Strips():
            return strips.draw(picture, width, kind)
        case Spans():
            return spans.draw(picture, width, kind)


def both(picture: Picture, axis: Axis | None = None) -> str:
    """The picture twice, for screens and for phones. The style of the page shows one of them.

    A large confusion matrix is there once, because it cannot be narrower.
    """
    if isinstance(picture, Confusion) and len(picture.classes) > confusion.MOST_CLASSES_WITH_NUMBERS:
        return draw(picture)
    return draw(picture, axis, WIDTH, "broad") + draw(picture, axis, NARROW, "narrow")
