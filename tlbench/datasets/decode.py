"""Decode one image file, whatever it turns out to be. Pillow only."""

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
"""Part of the key of decoded arrays: raise it when the same file would decode to other pixels."""

MOST_PIXELS = 100_000_000
MOST_BYTES = 512 * 2**20
FORMATS = ("AVIF", "BMP", "DIB", "GIF", "HEIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
"""No others are opened, whatever a file is called: some that Pillow knows start other programs (EPS), or have no
signature, so that anything passes for an image (TGA)."""

POINTERS = (
    (b"version https://git-lfs.github.com/spec/", "Git LFS", "git lfs pull"),
    (b"/annex/objects/", "git-annex", "git annex get"),
)
"""How small text files begin that stand for images that have not been fetched."""


class UndecodableError(Exception):
    """The file is no image that can be decoded. The text is the reason, in a few words."""


@dataclass(frozen=True)
class Picture:
    """A decoded file: pixels (height, width, 3) uint8 RGB, and the SHA-256 of the file's bytes."""

    pixels: NDArray[np.uint8]
    sha256: str


def decode(file: Path, size: ImageSize, resize: Resize = "stretch") -> Picture:
    """Decode, turn upright (EXIF), make RGB, resize to `size`.

    The pixels are those of keras.utils.image_dataset_from_directory, within one level of 255, which a test shows: with
    its defaults (``stretch``), with `crop_to_aspect_ratio` (``crop``), with `pad_to_aspect_ratio` (``pad``); bilinear
    between the four nearest pixels, without a low-pass filter. So a plain Keras loop and tlbench see the same images.
    Pillow's faster decoding at a reduced scale would change them.
    Transparent pixels are laid on white. Raises UndecodableError; warnings of Pillow are the caller's to silence,
    since their filter is global.
    """
    return of_bytes(_content(file), size, resize)


def of_bytes(content: bytes, size: ImageSize, resize: Resize = "stretch") -> Picture:
    """The picture in the bytes of a file, as `decode` makes it. Raises UndecodableError."""
    check_bytes(len(content))
    image = _rgb_of(content)
    return Picture(np.asarray(_RESIZED[resize](image, *height_width(size))), hashlib.sha256(content).hexdigest())


def of_pixels(pixels: NDArray[np.uint8], size: ImageSize, resize: Resize = "stretch") -> Picture:
    """The picture of pixels (H, W, 3) or (H, W) that are decoded already, resized as those of a file."""
    digest = hashlib.sha256(f"{pixels.shape}".encode() + pixels.tobytes()).hexdigest()
    image = Image.fromarray(pixels).convert("RGB")
    return Picture(np.asarray(_RESIZED[resize](image, *height_width(size))), digest)


def open_rgb(file: Path) -> tuple[bytes, Image.Image]:
    """The file's bytes and its image, upright and RGB, in its own size. Raises UndecodableError."""
    content = _content(file)
    return content, _rgb_of(content)


def check_bytes(count: int) -> None:
    """Raises UndecodableError for more bytes than an image may have, and for none."""
    if count > MOST_BYTES:
        raise UndecodableError(f"{count / 2**30:.1f} GiB are too many for an image")
    if not count:
        raise UndecodableError("empty file")


def _rgb_of(content: bytes) -> Image.Image:
    try:
        with Image.open(io.BytesIO(content), formats=formats()) as image:
            if image.width * image.height > MOST_PIXELS:
                raise UndecodableError(f"{image.width} x {image.height} pixels are too many")
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
    """Whether HEIC photographs are decoded: pillow-heif is installed."""
    return "HEIF" in formats()


@cache
def formats() -> tuple[str, ...]:
    """Those of `FORMATS` that this Pillow can decode."""
    with suppress(ImportError):
        importlib.import_module("pillow_heif").register_heif_opener()
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def read_crop(file: Path, size: int, share: float) -> NDArray[np.uint8]:
    """The central square of `share` of the shorter side, resized with a bicubic filter: (size, size, 3) uint8 RGB.

    Raises UserError for a file that is no image.
    """
    try:
        _, image = open_rgb(file)
    except UndecodableError as error:
        raise UserError(f"{file} is no image that can be decoded: {error}; fetch it again") from error
    return cropped(image, size, share)


def cropped(image: Image.Image, size: int, share: float) -> NDArray[np.uint8]:
    """The central square of `share` of the shorter side, as `read_crop` has it."""
    side = share * min(image.size)
    left, top = (image.width - side) / 2, (image.height - side) / 2
    box = (left, top, left + side, top + side)
    return np.asarray(image.resize((size, size), Image.Resampling.BICUBIC, box=box))


def _content(file: Path) -> bytes:
    """The bytes of a regular file of a bearable size. A FIFO is not waited for, nor a device read."""
    try:
        return read_file(file, MOST_BYTES)
    except OddFileError as error:
        raise UndecodableError(str(error)) from error
    except OSError as error:
        raise UndecodableError(f"cannot be read ({error.strerror})") from error


def _unknown(content: bytes) -> str:
    if content[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftyphevc") and not reads_heif():
        return "HEIC, which is read where pillow-heif is installed (pip install pillow-heif)"
    for start, what, fetch in POINTERS:
        if content.startswith(start):
            return f"not fetched: a pointer of {what} ({fetch})"
    return "not an image"


def _stretched(image: Image.Image, height: int, width: int) -> Image.Image:
    # Pillow's own resize filters when it makes an image smaller; its transform samples, as tf.image.resize does.
    scale = (image.width / width, 0, 0, 0, image.height / height, 0)
    return image.transform((width, height), Image.Transform.AFFINE, scale, Image.Resampling.BILINEAR)


def _cropped(image: Image.Image, height: int, width: int) -> Image.Image:
    """Of the largest part in the middle that has the wanted shape. The arithmetic, float32 too, is that of Keras'
    smart_resize.
    """
    part_height = max(min(image.height, int(np.float32(image.width * height) / np.float32(width))), 1)
    part_width = max(min(image.width, int(np.float32(image.height * width) / np.float32(height))), 1)
    top, left = (image.height - part_height) // 2, (image.width - part_width) // 2
    return _stretched(image.crop((left, top, left + part_width, top + part_height)), height, width)


def _padded(image: Image.Image, height: int, width: int) -> Image.Image:
    """All of it in the middle, black beside it. The arithmetic is that of Keras, tf.image.resize_with_pad."""
    own, wanted = np.array([[image.height, image.width], [height, width]], np.float32)
    inner = own / (own / wanted).max()
    top, left = ((wanted - inner) / 2).astype(int).tolist()
    canvas = Image.new("RGB", (width, height))
    canvas.paste(_stretched(image, *np.maximum(inner.astype(int), 1).tolist()), (left, top))
    return canvas


_RESIZED = {"stretch": _stretched, "crop": _cropped, "pad": _padded}


def _upright(image: Image.Image) -> Image.Image:
    image.load()
    with suppress(Exception):  # damaged EXIF raises anything, and says nothing about the pixels
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
    """Silence Pillow's warnings (odd EXIF, large images): the outcome of each file is reported anyway."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
