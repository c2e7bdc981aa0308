"""Sizes of images, and ways to resize to them. Pure."""

import re
from typing import Literal

ImageSize = int | tuple[int, int]
"""In pixels: the side of a square, or (height, width)."""
Resize = Literal["stretch", "crop", "pad"]
"""How an image of another aspect ratio is resized: distorted, center-cropped, or padded with black."""


def height_width(size: ImageSize) -> tuple[int, int]:
    """`size` as (height, width) in pixels."""
    return (size, size) if isinstance(size, int) else size


def plain(size: ImageSize) -> ImageSize:
    """The canonical form of `size`: a square is one number."""
    return size if isinstance(size, int) or size[0] != size[1] else size[0]


def parsed(text: str) -> ImageSize | None:
    """The size that ``96`` or ``120x160`` (height first) stands for; None for any other text."""
    match = re.fullmatch(r"(\d{1,5})(?:\s*x\s*(\d{1,5}))?", text.strip(), re.ASCII)
    return plain((int(match[1]), int(match[2] or match[1]))) if match else None


def brief(size: ImageSize) -> str:
    """`size` for people, height first: ``96`` or ``120 x 160``."""
    return str(size) if isinstance(size, int) else f"{size[0]} x {size[1]}"


def in_words(size: ImageSize, resize: Resize = "stretch") -> str:
    """`size` and the way of resizing for people: ``96 x 96``, ``120 x 160 (crop)``."""
    height, width = height_width(size)
    return f"{height} x {width}" + (f" ({resize})" if resize != "stretch" else "")
