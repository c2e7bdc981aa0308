"""Synthetic images drawn by seeded code: the stand-in for missing photographs, always labelled as such.

A class is a texture (horizontal or vertical stripes, rings, ...) seen through a soft window at a random position, in
random colour, phase, contrast and scale, over a random noisy background. The mean image of a class carries no
information, so a linear model on pixels stays near chance, while a small convolutional network learns the classes.
Mirroring an image does not change its class.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tlbench.core.cell import Limit
from tlbench.core.image_size import ImageSize, height_width

VERSION = 1
"""Part of the fingerprint. Increase it when the same seed would draw other images."""

DEFAULT_COUNTS = {"train": 200, "validation": 50, "test": 100}
"""Number of images per class where the suite sets no limit."""
Plane = NDArray[np.floating[Any]]
Texture = Callable[[Plane, Plane, float], Plane]
"""A function of the coordinates relative to the window's centre (1 is the side of the image) and of the number of waves
per side; its values are in [-1, 1].
"""

TEXTURES: tuple[Texture, ...] = (
    lambda x, y, waves: np.sin(2 * np.pi * waves * y),
    lambda x, y, waves: np.sin(2 * np.pi * waves * x),
    lambda x, y, waves: np.sin(2 * np.pi * waves * np.hypot(x, y)),
    lambda x, y, waves: np.sign(np.sin(2 * np.pi * waves * x) * np.sin(2 * np.pi * waves * y)),
    lambda x, y, waves: np.sin(2 * np.pi * waves * (np.abs(x) + y) / np.sqrt(2)),
    lambda x, y, waves: (np.cos(2 * np.pi * waves * x) * np.cos(2 * np.pi * waves * y) > 0.55) * 2.0 - 1.0,
)


def counts(limit: Limit) -> dict[str, int]:
    """Number of images per class and split: the limit, or a default where there is none."""
    asked = {"train": limit.train, "validation": limit.validation, "test": limit.test}
    return {split: asked[split] or count for split, count in DEFAULT_COUNTS.items()}


def draw(texture: int, size: ImageSize, seed: tuple[int, ...]) -> NDArray[np.uint8]:
    """Draw an image of a class; equal seeds give equal images.

    Args:
        texture: index of the class, below the number of textures.
        size: the image size.
        seed: seed of NumPy's generator.

    Returns:
        uint8 RGB of shape (height, width, 3).

    Raises:
        ValueError: there is no such texture.
    """
    if not 0 <= texture < len(TEXTURES):
        raise ValueError(
            f"there are {len(TEXTURES)} textures, so there can be at most {len(TEXTURES)} synthetic classes"
        )
    return picture(TEXTURES[texture], size, np.random.default_rng(seed))


def picture(texture: Texture, size: ImageSize, random: np.random.Generator) -> NDArray[np.uint8]:
    """Draw a texture through a window at a random position, over a random background.

    Returns:
        uint8 RGB of shape (height, width, 3).
    """
    x, y = np.meshgrid(*((np.arange(length) + 0.5) / length for length in reversed(height_width(size))))
    drawn = _background(random, x, y)
    centre_x, centre_y = random.uniform(0.3, 0.7, 2)
    turn = np.deg2rad(random.uniform(-8, 8))
    dx, dy = x - centre_x, y - centre_y
    across, along = dx * np.cos(turn) + dy * np.sin(turn), dy * np.cos(turn) - dx * np.sin(turn)
    shift = random.uniform(-0.05, 0.05, 2)
    waves = texture(across + shift[0], along + shift[1], random.uniform(5, 8))
    window = np.exp(-((dx**2 + dy**2) / (2 * random.uniform(0.18, 0.3) ** 2)))
    colour = random.normal(size=3)
    colour *= random.uniform(0.25, 0.45) / np.abs(colour).max()
    drawn += (waves * window)[..., None] * colour
    drawn += random.normal(scale=0.06, size=drawn.shape)
    return (drawn.clip(0, 1) * 255).round().astype(np.uint8)


def write_tree(
    folder: Path, classes: tuple[str, ...], per_class: Mapping[str, int], size: ImageSize, seed: int = 0
) -> None:
    """Write synthetic images as ``folder/<split>/<class>/<number>.png``.

    Args:
        folder: the target.
        classes: the names of the classes, one texture each.
        per_class: number of images per class, by split.
        size: the image size.
        seed: seed of all images.
    """
    for split_number, (split, count) in enumerate(per_class.items()):
        for texture, name in enumerate(classes):
            target = folder / split / name
            target.mkdir(parents=True, exist_ok=True)
            for number in range(count):
                pixels = draw(texture, size, (seed, split_number, texture, number))
                Image.fromarray(pixels).save(target / f"{number:05d}.png")


def _background(random: np.random.Generator, x: Plane, y: Plane) -> Plane:
    colour, slope_x, slope_y = random.uniform(0.25, 0.75, 3), random.uniform(-0.2, 0.2, 3), random.uniform(-0.2, 0.2, 3)
    blob = np.exp(-((x - random.uniform()) ** 2 + (y - random.uniform()) ** 2) / (2 * random.uniform(0.1, 0.3) ** 2))
    tint: Plane = random.uniform(-0.25, 0.25, 3)
    ground: Plane = colour + (x - 0.5)[..., None] * slope_x + (y - 0.5)[..., None] * slope_y + blob[..., None] * tint
    return ground
