"""The interface of head solvers.

A solver fits a head on fixed features deterministically, without a learning rate, epochs or a seed to tune. Everything
is in plain arrays; no framework is needed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from tlbench.training.solvers.arrays import Features, Labels, check_finite, log_softmax


@dataclass(frozen=True)
class Examples:
    """Features (N, D), float32 and possibly memory-mapped, with labels (N,).

    Raises:
        ValueError: the shapes do not match, or there are no images.
    """

    features: Features
    labels: Labels

    def __post_init__(self) -> None:
        if self.features.ndim != 2 or self.labels.shape != self.features.shape[:1]:
            shapes = f"{self.features.shape} and {self.labels.shape}"
            raise ValueError(f"features and labels have the shapes {shapes}; a solver takes (N, D) and (N,)")
        if not len(self.labels):
            raise ValueError("a solver needs at least one image")

    def __len__(self) -> int:
        return len(self.labels)


class Head(Protocol):
    """A solved head."""

    def probabilities(self, features: Features) -> NDArray[np.float32]:
        """Class probabilities (N, C) for features (N, D)."""
        ...


@dataclass(frozen=True)
class DenseHead:
    """A head as a Keras Dense layer on the raw features: kernel (D, units) and bias (units,), float32."""

    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]
    activation: Literal["softmax", "sigmoid"] = "softmax"

    def logits(self, features: Features) -> NDArray[np.float32]:
        """Logits (N, units) in float32, as the layer computes them."""
        return np.asarray(np.asarray(features, np.float32) @ self.kernel + self.bias)

    def probabilities(self, features: Features) -> NDArray[np.float32]:
        """Class probabilities (N, C); a single sigmoid unit p becomes the columns 1-p and p."""
        logits = self.logits(features).astype(np.float64)
        if self.activation == "sigmoid":
            logits = np.concatenate([np.zeros_like(logits), logits], axis=1)
        return np.exp(log_softmax(logits)).astype(np.float32)

    def single_unit(self) -> "DenseHead":
        """The same head with one sigmoid unit: the sigmoid of the difference of two logits equals their softmax.

        Raises:
            ValueError: this is not a softmax over two classes.
        """
        if self.activation != "softmax" or len(self.bias) != 2:
            raise ValueError(f"one sigmoid unit stands for a softmax over 2 classes, not for {len(self.bias)} units")
        return DenseHead(self.kernel[:, 1:] - self.kernel[:, :1], self.bias[1:] - self.bias[:1], "sigmoid")


@dataclass(frozen=True)
class PathPoint:
    """A setting that was tried, with its metrics.

    Attributes:
        setting: the L2 penalty, the number of neighbours, or the factor of the scores.
        loss: mean cross-entropy on the training split; None for neighbours, where each image is its own nearest.
        accuracy: accuracy on the training split; None likewise.
        val_loss: mean cross-entropy on the validation split.
        val_accuracy: accuracy on the validation split.
        converged: whether the solver reached its tolerance; always so for a closed-form solution.
    """

    setting: float
    loss: float | None
    accuracy: float | None
    val_loss: float
    val_accuracy: float
    converged: bool = True


@dataclass(frozen=True)
class Solved:
    """A head, the settings that were tried in order, and the index of the chosen one."""

    head: Head
    path: tuple[PathPoint, ...]
    chosen: int

    @property
    def setting(self) -> float:
        """The chosen setting."""
        return self.path[self.chosen].setting


class HeadSolver(Protocol):
    """Fits a head on fixed features, deterministically."""

    def solve(self, train: Examples, validation: Examples, classes: int) -> Solved:
        """Fit a head for labels from 0 to classes - 1, with the setting that is best on `validation`.

        Raises:
            ValueError: features are not finite, or a class has no training image; the message is for the user.
        """
        ...

    def fixed(self, setting: float) -> "HeadSolver":
        """The same solver with only this setting to try."""
        ...


def choose(path: Sequence[PathPoint]) -> int:
    """The index of the lowest validation loss, the first of equal ones; so paths begin with the simplest head."""
    losses = [point.val_loss for point in path]
    return losses.index(min(losses))


def check(train: Examples, validation: Examples, classes: int) -> None:
    """Raise ValueError unless these can be the training and validation features of `classes` classes."""
    if train.features.shape[1] != validation.features.shape[1]:
        widths = f"{train.features.shape[1]} and {validation.features.shape[1]}"
        raise ValueError(f"training and validation images have {widths} features; they must be of one backbone")
    for images, labels in (("training", train.labels), ("validation", validation.labels)):
        if labels.min() < 0 or labels.max() >= classes:
            span = f"{labels.min()} to {labels.max()}"
            raise ValueError(f"labels of {images} images go from {span}; they must lie between 0 and {classes - 1}")
    missing = np.flatnonzero(np.bincount(train.labels, minlength=classes) == 0)
    if len(missing):
        raise ValueError(f"class number {missing[0]} has no training image; each class needs at least one")
    check_finite(train.features, "training")
    check_finite(validation.features, "validation")
