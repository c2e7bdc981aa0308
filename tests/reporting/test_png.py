"""Pictures as PNG have the colours of the SVG pictures that they are made from."""

import io
import re
import sys

import numpy as np
import pytest
from PIL import Image

from tests.narrow import present
from tests.reporting.large import small
from tlbench.core.errors import UserError
from tlbench.reporting.document import pictures
from tlbench.reporting.formats import FORMATS
from tlbench.reporting.plots import Confusion
from tlbench.reporting.render import png, svg
from tlbench.reporting.render.confusion import DARKEST


def test_png_is_drawn_from_the_same_svg_in_its_colours() -> None:
    pytest.importorskip("resvg_py")
    drawn = next(each for each in pictures(small().document.blocks) if isinstance(each, Confusion))
    image = Image.open(io.BytesIO(png.file(drawn)))
    width = float(present(re.search(r'width="(\d+)"', svg.file(drawn)))[1])
    assert image.width == png.ZOOM * width
    blue, white = (0x1F, 0x5F, 0xA8), (255, 255, 255)
    (row,), (total,) = drawn.counts[:1], {sum(drawn.counts[0])}
    shade = 0.05 + (DARKEST - 0.05) * row[0] / total
    mixed = tuple(round(a * shade + b * (1 - shade)) for a, b in zip(blue, white, strict=True))
    found = {colour for _, colour in image.convert("RGB").getcolors(1 << 20) or []}
    assert any(isinstance(one, tuple) and np.abs(np.subtract(one, mixed)).max() <= 2 for one in found)


def test_the_style_of_a_png_has_no_variable_and_every_colour_of_a_light_page() -> None:
    style = png.plain_style(svg.STYLE)
    assert "var(" not in style
    assert "@media" not in style
    assert ".figure .c0 .shape,.figure .c0.shape{fill:#1f5fa8;" in style
    assert style.index(".figure .faded .bar,") > style.index(".figure .c0 .bar,"), "it has the last word"
    assert style.index(".figure .dominated .shape{fill:#fff}") > style.index(".figure .c0 .shape,")


def test_without_the_package_that_draws_it_png_is_refused_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    with pytest.raises(UserError, match=r"pip install 'tlbench\[pictures\]'"):
        FORMATS["png"].make(small())
