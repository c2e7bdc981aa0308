"""Drawn features of classes that overlap: a centre for each class, noise of unequal strength, a common offset."""

import numpy as np

from tlbench.training.solvers.base import Examples


def examples(images: int, width: int, classes: int, *, seed: int = 0, apart: float = 1.0) -> Examples:
    """`images` examples of `width` features; equal `width` and `classes` have the same centres whatever the seed.

    The centres are about 1.4 `apart` from each other, the noise of a feature is 0.3 to 3.
    """
    centres = np.random.default_rng((width, classes)).normal(0, apart / np.sqrt(width), (classes, width))
    generator = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(classes), generator.integers(0, classes, images - classes)])
    noise = np.geomspace(0.3, 3, width) * generator.normal(size=(images, width))
    return Examples((5 + centres[labels] + noise).astype(np.float32), labels.astype(np.int32))
