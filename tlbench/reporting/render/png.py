"""Pictures as PNG, in the colours of a light page: drawn from the same SVG, so that the two cannot disagree.

resvg knows no variables and no media queries of CSS: the style is written without them first.
"""

import re

from tlbench.core.errors import UserError
from tlbench.reporting.plots import Picture
from tlbench.reporting.render import svg

ZOOM = 2
"""Pixels of the file for each of the picture: sharp on today's screens, and in print at the width of a column."""
MISSING = "format png needs the package resvg-py; pip install 'tlbench[pictures]' brings it (format svg needs nothing)"
RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
MEDIA = re.compile(r"@media[^{]*\{(?:[^{}]*\{[^{}]*\})*\}")
VARIABLE = re.compile(r"var\(--(\w+)\)")


def file(picture: Picture) -> bytes:
    """The picture on white. Raises UserError where the package that draws it is missing."""
    try:
        from resvg_py import svg_to_bytes
    except ImportError:
        raise UserError(MISSING) from None
    text = svg.file(picture).replace(svg.STYLE, plain_style(svg.STYLE))
    return bytes(svg_to_bytes(svg_string=text, zoom=ZOOM, font_family="sans-serif"))


def plain_style(style: str) -> str:
    """A style sheet with its light colours in the place of variables, and without what only a page has.

    The variable `--c` is another one within each class that sets it: a rule that uses it is written once for each.
    """
    rules = [
        (one.strip(), body) for one, body in RULE.findall(re.sub(r"@media[^{]*\{(?:[^{}]*\{[^{}]*\})*\}", "", style))
    ]
    colours = dict(re.findall(r"--(\w+):(#\w+)", rules[0][1]))
    setting = {selector.split()[-1]: body for selector, body in rules if body.startswith("--c:")}
    lines = []
    for selectors, body in rules:
        for selector in selectors.split(","):
            if ":" in selector or body.startswith("--c:"):
                continue
            inner = re.sub(r"--\w+:[^;]*;", "", body)
            if "var(--c)" not in inner:
                lines.append(f"{selector}{{{_filled(inner, colours)}}}")
                continue
            last = selector.split()[-1]
            for of, value in setting.items():
                own = inner.replace("var(--c)", value.removeprefix("--c:"))
                lines.append(f".figure {of} {last},.figure {of}{last}{{{_filled(own, colours)}}}")
    return "".join(lines)


def _filled(body: str, colours: dict[str, str]) -> str:
    return VARIABLE.sub(lambda found: colours[found[1]], body)
