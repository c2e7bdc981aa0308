"""How large images are, and how they come to be that large. Pure."""

import re
from typing import Literal

ImageSize = int | tuple[int, int]
"""Pixels of the side of a square, or (height, width)."""
Resize = Literal["stretch", "crop", "pad"]
"""What becomes of an image of another shape: its aspect ratio changes, its edges are cut off, or black is put beside
it.
"""


def height_width(size: ImageSize) -> tuple[int, int]:
    """Pixels."""
    return (size, size) if isinstance(size, int) else size


def plain(size: ImageSize) -> ImageSize:
    """A square as one number, so that it is the same however it was written."""
    return size if isinstance(size, int) or size[0] != size[1] else size[0]


def parsed(text: str) -> ImageSize | None:
    """The size of ``96`` or ``120x160``, height first; None for other text."""
    match = re.fullmatch(r"(\d{1,5})(?:\s*x\s*(\d{1,5}))?", text.strip(), re.ASCII)
    return plain((int(match[1]), int(match[2] or match[1]))) if match else None


def brief(size: ImageSize) -> str:
    """``96``, or ``120 x 160``: height first."""
    return str(size) if isinstance(size, int) else f"{size[0]} x {size[1]}"


def in_words(size: ImageSize, resize: Resize = "stretch") -> str:
    """``96 x 96``, ``120 x 160 (crop)``."""
    height, width = height_width(size)
    return f"{height} x {width}" + (f" ({resize})" if resize != "stretch" else "")
