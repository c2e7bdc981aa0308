"""Confusion matrices as SVG."""

from tlbench.reporting.plots import Confusion
from tlbench.reporting.render.drawing import WIDTH, cut, element, escape, text

MOST_CLASSES_WITH_NUMBERS, MOST_LETTERS = 25, 15
LEAST_WITH_NUMBERS = 24.0
DARKEST = 0.45
"""The opacity of a cell that has all images of a class, on which text can still be read."""


def draw(picture: Confusion, width: float = WIDTH, kind: str = "") -> str:
    """A square for each pair of classes, shaded by its share of the true class.

    In a `width` less than that of other pictures squares may be smaller, but not so that numbers no longer fit.
    """
    number = len(picture.classes)
    size = max(8.0, min(44.0, 480 / max(1, number)))
    names = min(MOST_LETTERS, max(map(len, picture.classes), default=0))
    left, top = names * 7 + 16, names * 5 + 26
    if width < WIDTH:
        size = min(size, max(LEAST_WITH_NUMBERS, (width - left - names * 6 - 8) / max(1, number)))
    inner = ""
    for row, (name, counts) in enumerate(zip(picture.classes, picture.counts, strict=True)):
        y, total = top + row * size, sum(counts) or 1
        inner += text(left - 6, y + size / 2 + 4, cut(name, MOST_LETTERS), "tick", "end")
        for column, count in enumerate(counts):
            x, share = left + column * size, count / total
            said = escape(f"{name} taken for {picture.classes[column]}: {count} of {total}")
            hot = "hit" if row == column else "miss"
            inner += (
                f'<rect class="{hot}" x="{x:.1f}" y="{y:.1f}" width="{size - 1:.1f}" height="{size - 1:.1f}" '
                f'fill-opacity="{0.05 + (DARKEST - 0.05) * share:.2f}"><title>{said}</title></rect>'
            )
            if number <= MOST_CLASSES_WITH_NUMBERS:
                inner += text(x + size / 2, y + size / 2 + 4, str(count), "count", "middle")
    for column, name in enumerate(picture.classes):
        x = left + column * size + size / 2
        inner += text(
            x, top - 6, cut(name, MOST_LETTERS), "tick", "start", f' transform="rotate(-40 {x:.1f} {top - 6:.1f})"'
        )
    right = left + number * size + names * 6 + 8
    inner += text(left - 6, top + number * size + 20, "Rows: true class. Columns: predicted class.", "name")
    needed = max(right, min(left + 300, width))
    return element(picture.title, needed, top + number * size + 30, inner, kind=kind)
