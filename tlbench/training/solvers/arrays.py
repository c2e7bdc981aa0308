"""Array operations that solvers share, for features that may be memory-mapped."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

Float = NDArray[np.float64]
Labels = NDArray[np.integer[Any]]
"""Class indices (N,), from 0."""

Features = NDArray[np.floating[Any]]
"""Features (N, D), one row per image, float32; may be memory-mapped."""

BLOCK = 1 << 20
"""How many numbers are converted to float64 at a time, so that a memory-mapped array is never copied as a whole."""


def row_blocks(features: Features, made: int = 0) -> Iterator[tuple[slice, Float]]:
    """Blocks of rows in float64, each with its slice; `made`: how many numbers the caller computes per row, if > D."""
    step = max(1, BLOCK // max(features.shape[1], made))
    for start in range(0, len(features), step):
        rows = slice(start, start + step)
        yield rows, np.asarray(features[rows], np.float64)


def column_blocks(features: Features) -> Iterator[slice]:
    """Slices of blocks of columns."""
    step = max(64, BLOCK // len(features))
    for start in range(0, features.shape[1], step):
        yield slice(start, start + step)


def check_finite(features: Features, images: str) -> None:
    """Raise ValueError if a feature is NaN or infinite; `images` names the split."""
    step = max(1, BLOCK // features.shape[1])
    parts = (features[start : start + step] for start in range(0, len(features), step))
    bad = sum(int((~np.isfinite(part)).any(axis=1).sum()) for part in parts)
    if bad:
        raise ValueError(
            f"the features of {bad} of {len(features)} {images} images are not finite numbers; "
            "look at the backbone's weights, or take precision float32"
        )


def log_softmax(logits: Float) -> Float:
    """The logarithms of class probabilities (N, C), computed without overflow."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    logarithms: Float = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return logarithms


def loss_and_accuracy(logarithms: Float, labels: Labels, weights: Float | None = None) -> tuple[float, float]:
    """The mean cross-entropy and the accuracy.

    Args:
        logarithms: logits or logarithms of probabilities (N, C).
        labels: the classes (N,).
        weights: weights of the images (N,) in the cross-entropy.
    """
    true = log_softmax(logarithms)[np.arange(len(labels)), labels]
    return -float(np.average(true, weights=weights)), float((logarithms.argmax(axis=1) == labels).mean())


@contextmanager
def one_thread() -> Iterator[None]:
    """Limit BLAS to one thread, so that results do not depend on the number of cores.

    It is also faster on a busy machine: on two busy cores, two threads that wait for each other in every small product
    took 10 to 30 times as long as one.
    """
    with threadpool_limits(limits=1, user_api="blas"):
        yield
