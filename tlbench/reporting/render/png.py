"""Pictures as PNG in light colours, converted from the SVG pictures.

resvg does not support variables and media queries of CSS, so the style is rewritten without them.
"""

import re

from tlbench.core.errors import UserError
from tlbench.reporting.plots import Picture
from tlbench.reporting.render import svg

ZOOM = 2
"""Pixels of the file per pixel of the picture, for sharp pictures on screens and in print."""
MISSING = "format png needs the package resvg-py; pip install 'tlbench[pictures]' brings it (format svg needs nothing)"
RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
MEDIA = re.compile(r"@media[^{]*\{(?:[^{}]*\{[^{}]*\})*\}")
VARIABLE = re.compile(r"var\(--(\w+)\)")


def file(picture: Picture) -> bytes:
    """The picture on a white background.

    Raises:
        UserError: the package that converts it is not installed.
    """
    try:
        from resvg_py import svg_to_bytes
    except ImportError:
        raise UserError(MISSING) from None
    text = svg.file(picture).replace(svg.STYLE, plain_style(svg.STYLE))
    return bytes(svg_to_bytes(svg_string=text, zoom=ZOOM, font_family="sans-serif"))


def plain_style(style: str) -> str:
    """A style sheet with light colours instead of variables, and without rules that only apply to pages.

    The variable `--c` has a value for each class that sets it, so a rule that uses it is repeated for each class.
    """
    rules = [(one.strip(), body) for one, body in RULE.findall(MEDIA.sub("", style))]
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
