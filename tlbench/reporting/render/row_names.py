"""Names of rows and of their groups: beside them, or above each row of a narrow picture in which they are too long."""

from collections.abc import Sequence
from dataclasses import dataclass

from tlbench.reporting.render.drawing import EDGE, LETTER, RIGHT, SMALL_LETTER, WIDTH, cut, text

MOST_LEFT = 0.52
"""The share of a picture's width that names may take before its rows."""
ABOVE = 16
"""Pixels of a line of names."""


@dataclass(frozen=True)
class RowNames:
    """The places of names, in pixels.

    Attributes:
        left: the space to the left of the rows.
        above: the space above each row for its name; 0 if names are on the left.
        width: the width of the picture.
    """

    left: float
    above: float
    width: float

    @classmethod
    def of(cls, groups: Sequence[str], names: Sequence[str], width: float) -> "RowNames":
        """Choose the places so that names and groups fit: on the left, or above the rows in a narrow picture."""
        lengths = [*(len(name) * SMALL_LETTER for name in names), *(len(group) * LETTER for group in groups)]
        needed, most = max(lengths, default=0) + 2 * EDGE, MOST_LEFT * width
        if needed > most and width < WIDTH:
            return cls(RIGHT, ABOVE, width)
        return cls(min(most, needed), 0, width)

    def row(self, words: str, top: float, height: float) -> str:
        """The name of a row that takes `height` pixels below `top`, and `above` for the name."""
        return self._text(
            words, SMALL_LETTER, "tick label" if self.above else "tick", top + (self.above or height) / 2 + 4
        )

    def group(self, words: str, top: float, height: float) -> str:
        """The name of a group of rows, on a line of its own."""
        return self._text(words, LETTER, "label", top + height / 2 + 4)

    def _text(self, words: str, letter: float, css: str, y: float) -> str:
        if self.above:
            return text(EDGE, y, cut(words, int((self.width - 2 * EDGE) / letter)), css)
        return text(self.left - EDGE, y, cut(words, int((self.left - 1.5 * EDGE) / letter)), css, "end")
