"""RandAugment: E. D. Cubuk et al., "RandAugment: Practical automated data augmentation" (CVPR workshops 2020).

Section 3: each image goes through randomly chosen transformations, out of 14, all of one strength. Transformations and
their ranges are those of the paper's code (AutoAugment's). `keras.layers.RandAugment` differs: it chooses the same
transformations for a whole batch, and rotates by up to 180 degrees by default, where the paper has at most 30.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageOps

STRONGEST = 10.0
GREY = (128, 128, 128)
"""The color of uncovered edges."""

Change = Callable[[Image.Image, float], Image.Image]
"""Transforms an image with a strength from -1 to 1, whose sign is the direction, if there is one."""


def rand_augment(
    images: NDArray[np.uint8], operations: int, magnitude: float, draw: np.random.Generator
) -> NDArray[np.uint8]:
    """Apply `operations` random transformations of strength `magnitude` (0 to 10) to each image (N, H, W, 3)."""
    changed = np.empty_like(images)
    for number, pixels in enumerate(images):
        image = Image.fromarray(pixels)
        for chosen in draw.integers(len(CHANGES), size=operations):
            image = CHANGES[chosen](image, magnitude / STRONGEST * draw.choice((-1, 1)))
        changed[number] = np.asarray(image)
    return changed


def _moved(image: Image.Image, matrix: tuple[float, ...]) -> Image.Image:
    return image.transform(image.size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR, fillcolor=GREY)


def _rotate(image: Image.Image, strength: float) -> Image.Image:
    return image.rotate(30 * strength, Image.Resampling.BILINEAR, fillcolor=GREY)


def _posterize(image: Image.Image, strength: float) -> Image.Image:
    return ImageOps.posterize(image, 8 - round(4 * abs(strength)))


def _solarize(image: Image.Image, strength: float) -> Image.Image:
    return ImageOps.solarize(image, 256 - round(256 * abs(strength)))


def _enhanced(kind: Callable[[Image.Image], ImageEnhance._Enhance]) -> Change:
    return lambda image, strength: kind(image).enhance(1 + 0.9 * strength)


CHANGES: tuple[Change, ...] = (
    lambda image, _: image,
    lambda image, _: ImageOps.autocontrast(image),
    lambda image, _: ImageOps.equalize(image),
    _rotate,
    _solarize,
    _posterize,
    _enhanced(ImageEnhance.Color),
    _enhanced(ImageEnhance.Contrast),
    _enhanced(ImageEnhance.Brightness),
    _enhanced(ImageEnhance.Sharpness),
    lambda image, strength: _moved(image, (1, 0.3 * strength, 0, 0, 1, 0)),
    lambda image, strength: _moved(image, (1, 0, 0, 0.3 * strength, 1, 0)),
    lambda image, strength: _moved(image, (1, 0, 0.45 * strength * image.width, 0, 1, 0)),
    lambda image, strength: _moved(image, (1, 0, 0, 0, 1, 0.45 * strength * image.height)),
)
"""The 14 transformations, with their ranges at full strength.

Identity, autocontrast, equalize, rotation (30 degrees), solarize (all levels), posterize (to 4 bits), color, contrast,
brightness, sharpness (0.1 to 1.9), shear (0.3) and translation (0.45 of the image) along both axes.
"""
