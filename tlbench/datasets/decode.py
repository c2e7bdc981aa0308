"""Decode one image file, whatever it turns out to be. Pillow only."""

import hashlib
import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from tlbench.core.errors import UserError

VERSION = 2
"""Part of the key of decoded arrays: raise it when the same file would decode to other pixels."""

MOST_PIXELS = 100_000_000


class UndecodableError(Exception):
    """The file is no image that can be decoded. The text is the reason, in a few words."""


@dataclass(frozen=True)
class Picture:
    """A decoded file: pixels (size, size, 3) uint8 RGB, and the SHA-256 of the file's bytes."""

    pixels: NDArray[np.uint8]
    sha256: str


def decode(file: Path, size: int) -> Picture:
    """Decode, turn upright (EXIF), make RGB, resize to `size` x `size` without keeping the aspect ratio.

    The pixels are those of keras.utils.image_dataset_from_directory with its defaults, within one level of 255, which
    a test shows: bilinear between the four nearest pixels, without a low-pass filter. So a plain Keras loop and tlbench
    see the same images. Pillow's faster decoding at a reduced scale would change them.
    Transparent pixels are laid on white. Raises UndecodableError; warnings of Pillow are the caller's to silence,
    since their filter is global.
    """
    content, image = open_rgb(file)
    return Picture(np.asarray(_resize(image, size)), hashlib.sha256(content).hexdigest())


def open_rgb(file: Path) -> tuple[bytes, Image.Image]:
    """The file's bytes and its image, upright and RGB, in its own size. Raises UndecodableError."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise UndecodableError(f"cannot be read ({error.strerror})") from error
    if not content:
        raise UndecodableError("empty file")
    try:
        with Image.open(io.BytesIO(content)) as image:
            if image.width * image.height > MOST_PIXELS:
                raise UndecodableError(f"{image.width} x {image.height} pixels are too many")
            return content, _rgb(_upright(image))
    except UnidentifiedImageError as error:
        raise UndecodableError("not an image") from error
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise UndecodableError(f"damaged image ({error})") from error


def read_crop(file: Path, size: int, share: float) -> NDArray[np.uint8]:
    """The central square of `share` of the shorter side, resized with a bicubic filter: (size, size, 3) uint8 RGB.

    Raises UserError for a file that is no image.
    """
    try:
        _, image = open_rgb(file)
    except UndecodableError as error:
        raise UserError(f"{file} is no image that can be decoded: {error}; fetch it again") from error
    side = share * min(image.size)
    left, top = (image.width - side) / 2, (image.height - side) / 2
    box = (left, top, left + side, top + side)
    return np.asarray(image.resize((size, size), Image.Resampling.BICUBIC, box=box))


def _resize(image: Image.Image, size: int) -> Image.Image:
    # Pillow's own resize filters when it makes an image smaller; its transform samples, as tf.image.resize does.
    scale = (image.width / size, 0, 0, 0, image.height / size, 0)
    return image.transform((size, size), Image.Transform.AFFINE, scale, Image.Resampling.BILINEAR)


def _upright(image: Image.Image) -> Image.Image:
    image.load()
    try:
        return ImageOps.exif_transpose(image)
    except (SyntaxError, ValueError, TypeError, KeyError, OSError):
        return image  # damaged EXIF says nothing about the pixels


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB":
        return image
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        layered = image.convert("RGBA")
        white = Image.new("RGBA", layered.size, "white")
        return Image.alpha_composite(white, layered).convert("RGB")
    if image.mode.startswith("I;16") or image.mode == "I":
        wide = np.asarray(image, dtype=np.float64)
        return Image.fromarray((wide / 257).clip(0, 255).astype(np.uint8)).convert("RGB")
    return image.convert("RGB")


@contextmanager
def quiet() -> Iterator[None]:
    """Silence Pillow's warnings (odd EXIF, large images): the outcome of each file is reported anyway."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
