"""Decode an image file of any supported format with Pillow."""

import hashlib
import importlib
import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from tlbench.core.errors import UserError
from tlbench.core.files import OddFileError, read_file
from tlbench.core.image_size import ImageSize, Resize, height_width
from tlbench.core.text import one_line
from tlbench.datasets.levels import NoRangeError, to_levels

VERSION = 3
"""Part of the cache key of decoded images. Increase it when the same file would be decoded to other pixels."""

MOST_PIXELS = 100_000_000
MOST_BYTES = 512 * 2**20
"""Limits on one image, to bound memory: pixels, and bytes of the file."""
FORMATS = ("AVIF", "BMP", "DIB", "GIF", "HEIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
"""The only formats that are opened, whatever the file's name. Some of Pillow's other formats start external programs
(EPS) or have no signature, so that any file would pass as an image (TGA).
"""

POINTERS = (
    (b"version https://git-lfs.github.com/spec/", "Git LFS", "git lfs pull"),
    (b"/annex/objects/", "git-annex", "git annex get"),
)
"""Starts of the small text files that stand for large files which were not downloaded, with the tool and its command.
"""


class UndecodableError(Exception):
    """The file cannot be decoded as an image. The message is the reason, in a few words."""


@dataclass(frozen=True)
class Picture:
    """A decoded image.

    Attributes:
        pixels: uint8 RGB of shape (height, width, 3).
        sha256: SHA-256 of the file's bytes, or of the pixels where they were stored decoded.
    """

    pixels: NDArray[np.uint8]
    sha256: str


def decode(file: Path, size: ImageSize, resize: Resize = "stretch") -> Picture:
    """Decode an image file, apply its EXIF orientation, convert it to RGB and resize it.

    The pixels equal those of ``keras.utils.image_dataset_from_directory`` within one grey level (tested): with its
    defaults for ``stretch``, with ``crop_to_aspect_ratio`` for ``crop``, and with ``pad_to_aspect_ratio`` for ``pad``.
    Resizing is bilinear between the four nearest pixels without antialiasing. Pillow's faster decoding at a reduced
    scale is not used because it would change the pixels. Transparent pixels are composited on white.

    Callers silence Pillow's warnings with `quiet`, because the filter of warnings is global.

    Args:
        file: the image file.
        size: the wanted size.
        resize: what happens to images of another aspect ratio.

    Raises:
        UndecodableError: the file cannot be read or decoded.
    """
    return of_bytes(_content(file), size, resize)


def of_bytes(content: bytes, size: ImageSize, resize: Resize = "stretch") -> Picture:
    """Decode an encoded image, as `decode` does.

    Raises:
        UndecodableError: the bytes cannot be decoded.
    """
    check_bytes(len(content))
    image = _rgb_of(content)
    return Picture(np.asarray(_RESIZED[resize](image, *height_width(size))), hashlib.sha256(content).hexdigest())


def of_pixels(pixels: NDArray[np.uint8], size: ImageSize, resize: Resize = "stretch") -> Picture:
    """Resize pixels that are already decoded, as `decode` does.

    Args:
        pixels: uint8 of shape (height, width, 3), RGB, or (height, width), grey.
        size: the wanted size.
        resize: what happens to images of another aspect ratio.
    """
    digest = hashlib.sha256(f"{pixels.shape}".encode() + pixels.tobytes()).hexdigest()
    image = Image.fromarray(pixels).convert("RGB")
    return Picture(np.asarray(_RESIZED[resize](image, *height_width(size))), digest)


def open_rgb(file: Path) -> tuple[bytes, Image.Image]:
    """Read an image file without resizing it.

    Returns:
        The file's bytes, and its image with the EXIF orientation applied, in RGB.

    Raises:
        UndecodableError: the file cannot be read or decoded.
    """
    content = _content(file)
    return content, _rgb_of(content)


def check_bytes(count: int) -> None:
    """Check the size of an encoded image in bytes.

    Raises:
        UndecodableError: it is 0, or more than `MOST_BYTES`.
    """
    if count > MOST_BYTES:
        raise UndecodableError(f"{count / 2**30:.1f} GiB, too large for an image")
    if not count:
        raise UndecodableError("empty file")


def _rgb_of(content: bytes) -> Image.Image:
    try:
        with Image.open(io.BytesIO(content), formats=formats()) as image:
            if image.width * image.height > MOST_PIXELS:
                raise UndecodableError(f"{image.width} x {image.height} pixels, too many")
            return _rgb(_upright(image), image.format)
    except UndecodableError:
        raise
    except NoRangeError as error:
        raise UndecodableError(str(error)) from error
    except UnidentifiedImageError as error:
        raise UndecodableError(_unknown(content)) from error
    except Exception as error:
        words = one_line(str(error)) or type(error).__name__
        raise UndecodableError(f"damaged image ({words})") from error


def reads_heif() -> bool:
    """Whether HEIC photographs can be decoded, which needs pillow-heif."""
    return "HEIF" in formats()


@cache
def formats() -> tuple[str, ...]:
    """The formats of `FORMATS` that the installed Pillow can decode."""
    with suppress(ImportError):
        importlib.import_module("pillow_heif").register_heif_opener()
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def read_crop(file: Path, size: int, share: float | None) -> NDArray[np.uint8]:
    """Decode the central square of an image, or all of it, resized with a bicubic filter.

    Args:
        file: the image file.
        size: side length of the result in pixels.
        share: side length of the square as a fraction of the image's shorter side; None for the whole image, whose
            aspect ratio is not kept.

    Returns:
        uint8 RGB of shape (size, size, 3).

    Raises:
        UserError: the file cannot be decoded.
    """
    try:
        _, image = open_rgb(file)
    except UndecodableError as error:
        raise UserError(f"{file} cannot be decoded as an image: {error}; download it again") from error
    return cropped(image, size, share)


def cropped(image: Image.Image, size: int, share: float | None) -> NDArray[np.uint8]:
    """Crop and resize a decoded image as `read_crop` does."""
    if share is None:
        return np.asarray(image.resize((size, size), Image.Resampling.BICUBIC))
    side = share * min(image.size)
    left, top = (image.width - side) / 2, (image.height - side) / 2
    box = (left, top, left + side, top + side)
    return np.asarray(image.resize((size, size), Image.Resampling.BICUBIC, box=box))


def _content(file: Path) -> bytes:
    """The bytes of a regular file of at most `MOST_BYTES`; never blocks on a pipe or reads a device."""
    try:
        return read_file(file, MOST_BYTES)
    except OddFileError as error:
        raise UndecodableError(str(error)) from error
    except OSError as error:
        raise UndecodableError(f"cannot be read ({error.strerror})") from error


def _unknown(content: bytes) -> str:
    """Why Pillow may not know the format of these bytes."""
    if content[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftyphevc") and not reads_heif():
        return "HEIC, which needs pillow-heif (pip install pillow-heif)"
    for start, what, fetch in POINTERS:
        if content.startswith(start):
            return f"not downloaded: a pointer of {what} ({fetch})"
    return "not an image"


def _stretched(image: Image.Image, height: int, width: int) -> Image.Image:
    # Image.resize would antialias when it shrinks an image; Image.transform samples as tf.image.resize does.
    scale = (image.width / width, 0, 0, 0, image.height / height, 0)
    return image.transform((width, height), Image.Transform.AFFINE, scale, Image.Resampling.BILINEAR)


def _cropped(image: Image.Image, height: int, width: int) -> Image.Image:
    """Crop the largest central part of the wanted aspect ratio, then resize.

    The arithmetic, including float32, is that of ``keras.preprocessing.image.smart_resize``.
    """
    part_height = max(min(image.height, int(np.float32(image.width * height) / np.float32(width))), 1)
    part_width = max(min(image.width, int(np.float32(image.height * width) / np.float32(height))), 1)
    top, left = (image.height - part_height) // 2, (image.width - part_width) // 2
    return _stretched(image.crop((left, top, left + part_width, top + part_height)), height, width)


def _padded(image: Image.Image, height: int, width: int) -> Image.Image:
    """Fit the whole image into the middle of a black canvas.

    The arithmetic is that of ``tf.image.resize_with_pad``.
    """
    own, wanted = np.array([[image.height, image.width], [height, width]], np.float32)
    inner = own / (own / wanted).max()
    top, left = ((wanted - inner) / 2).astype(int).tolist()
    canvas = Image.new("RGB", (width, height))
    canvas.paste(_stretched(image, *np.maximum(inner.astype(int), 1).tolist()), (left, top))
    return canvas


_RESIZED = {"stretch": _stretched, "crop": _cropped, "pad": _padded}


def _upright(image: Image.Image) -> Image.Image:
    image.load()
    with suppress(Exception):  # damaged EXIF data raises many kinds of errors and does not affect the pixels
        ImageOps.exif_transpose(image, in_place=True)
    return image


def _rgb(image: Image.Image, format: str | None) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode in ("I", "F") or image.mode.startswith("I;"):
        sixteen = image.mode.startswith("I;") or (image.mode == "I" and format in ("PNG", "PPM"))
        return Image.fromarray(to_levels(np.asarray(image), 16 if sixteen else None)).convert("RGB")
    if image.has_transparency_data:
        layered = image.convert("RGBA")
        white = Image.new("RGBA", layered.size, "white")
        return Image.alpha_composite(white, layered).convert("RGB")
    return image.convert("RGB")


@contextmanager
def quiet() -> Iterator[None]:
    """Silence Pillow's warnings (odd EXIF data, large images); problems of a file are reported as errors anyway."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
