"""Samples of several things, a strip of dots for each, as SVG."""

from tlbench.reporting.plots import Strip, Strips
from tlbench.reporting.render.drawing import BOTTOM, COLOURS, RIGHT, TOP, WIDTH, cut, element, escape, frame, text
from tlbench.reporting.render.scale import Scale

ROW = 26
MOST_LEFT, SMALL_LETTER = 360.0, 5.9
"""Pixels that names may take, and of a letter on the average at their size."""
LANES = 5
"""Heights within a row that samples take in turn, so that those of one time do not hide each other."""


def draw(strips: Strips) -> str:
    """A row for each strip: its samples as dots, a line for the number that is shown of them."""
    every = [sample for strip in strips.strips for sample in strip.samples]
    left = min(MOST_LEFT, max(len(strip.name) for strip in strips.strips) * SMALL_LETTER + 16)
    height = TOP + 10 + ROW * len(strips.strips) + BOTTOM
    x = Scale.over(every, left, WIDTH - RIGHT, log=True)
    y = Scale(0, 1, height - BOTTOM, TOP + 10)
    inner = frame(x, y, strips.x, "", share=False, rows=False)
    for number, strip in enumerate(strips.strips):
        inner += _strip(strip, number, TOP + 10 + ROW * (number + 0.5), x)
    return element(strips.title, WIDTH, height, inner)


def _strip(strip: Strip, number: int, middle: float, x: Scale) -> str:
    step = (ROW - 12) / (LANES - 1)
    dots = "".join(
        f"M{x.at(sample):.1f} {middle + (place % LANES - LANES // 2) * step:.1f}h0"
        for place, sample in enumerate(strip.samples)
    )
    at = x.at(strip.value)
    said = escape(f"{strip.name}: {strip.text}")
    return text(x.start - 8, middle + 4, cut(strip.name, int((x.start - 16) / SMALL_LETTER)), "tick", "end") + (
        f'<g class="mark c{number % COLOURS}" tabindex="0" role="img" aria-label="{said}"><title>{said}</title>'
        f'<path class="dots" d="{dots}"/>'
        f'<path class="middle" d="M{at:.1f} {middle - ROW / 2 + 3:.1f}v{ROW - 6}"/></g>'
    )
