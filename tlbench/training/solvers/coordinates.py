"""Features in principal coordinates: one decomposition for all penalties, resamples and solvers.

The weights of a linear head with an L2 penalty lie in the span of the training features (the representer theorem: G.
Kimeldorf and G. Wahba, Some Results on Tchebycheffian Spline Functions, J. Math. Analysis and Applications 33, 1971). A
rotation changes neither loss nor penalty, so N images with D features need at most min(N, D) coordinates. Along the
principal axes the curvature of the loss is nearly diagonal, which makes solvers converge fast.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from tlbench.training.solvers.arrays import Features, Float, column_blocks, row_blocks

Scaling = Literal["common", "each"]

SMALLEST_VARIANCE = 1e-10
"""Principal axes with a smaller variance, relative to the largest, are rounding errors and dropped."""

CONSTANT = 1e-6
"""Features with a smaller standard deviation, relative to their mean, are constant up to float32 rounding."""


@dataclass(frozen=True)
class Scaler:
    """Centers features by `mean` (D,) and multiplies them by `factor` (D,), which is 0 for constant features."""

    mean: Float
    factor: Float

    def __call__(self, features: Features, columns: slice = slice(None)) -> Float:
        """Scale features (n, D), or only some of their columns."""
        return np.asarray((features[:, columns] - self.mean[columns]) * self.factor[columns])


def fit_scaler(features: Features, scaling: Scaling) -> Scaler:
    """A scaler that gives features (N, D) mean 0 and variance 1.

    With ``each``, every feature has variance 1. With ``common``, all are divided by the same number, so that their mean
    variance is 1; this keeps their relative scale, which the backbone has learned.
    """
    first = features[0].astype(np.float64)
    total, squares = np.zeros_like(first), np.zeros_like(first)
    for _, block in row_blocks(features):
        block -= first
        total += block.sum(axis=0)
        squares += np.einsum("nd,nd->d", block, block)
    shift = total / len(features)
    mean = first + shift
    deviation = np.sqrt(np.maximum(squares / len(features) - shift**2, 0))
    varies = deviation > CONSTANT * np.abs(mean)
    if scaling == "common" and varies.any():
        deviation[varies] = np.sqrt(np.mean(deviation[varies] ** 2))
    return Scaler(mean, np.divide(1, deviation, out=np.zeros_like(deviation), where=varies))


class Axes(Protocol):
    """The r principal axes of scaled training features."""

    def project(self, features: Features) -> Float:
        """The coordinates (n, r) of features (n, D)."""
        ...

    def lift(self, coefficients: Float) -> Float:
        """The weights (D, C) on scaled features that equal coefficients (r, C) on coordinates."""
        ...


@dataclass(frozen=True)
class Coordinates:
    """Training features in principal coordinates, and the transformation to and from them.

    Attributes:
        train: the coordinates of the training features (N, r).
        variances: the variance along each axis (r,).
        scaler: scales features.
        axes: the principal axes.
    """

    train: Float
    variances: Float
    scaler: Scaler
    axes: Axes

    def of(self, features: Features) -> Float:
        """The coordinates (n, r) of other features (n, D)."""
        return self.axes.project(np.asarray(features))

    def fold(self, coefficients: Float, bias: Float) -> tuple[Float, Float]:
        """The kernel (D, C) and bias (C,) on raw features that equal those (r, C) and (C,) on coordinates."""
        kernel = self.axes.lift(coefficients) * self.scaler.factor[:, None]
        return kernel, bias - self.scaler.mean @ kernel


def decompose(features: Features, scaling: Scaling) -> Coordinates:
    """The principal coordinates of training features (N, D), from the eigenvectors of the smaller Gram matrix.

    Computed in float64, from blocks of rows or columns, so that a memory-mapped array is never copied as a whole.
    """
    features = np.asarray(features)
    scaler = fit_scaler(features, scaling)
    count, width = features.shape
    if width <= count:
        gram = np.zeros((width, width))
        for _, block in row_blocks(features):
            scaled = scaler(block)
            gram += scaled.T @ scaled
        values, vectors = _eigen(gram)
        few = _FewFeatures(scaler, vectors)
        return Coordinates(few.project(features), values / count, scaler, few)
    values, vectors = _eigen(_products(scaler, features, features))
    many = _ManyFeatures(scaler, features, vectors / np.sqrt(values))
    return Coordinates(vectors * np.sqrt(values), values / count, scaler, many)


@dataclass(frozen=True)
class _FewFeatures:
    """Axes for at most as many features as images, as directions (D, r)."""

    scaler: Scaler
    directions: Float

    def project(self, features: Features) -> Float:
        return np.concatenate([self.scaler(block) @ self.directions for _, block in row_blocks(features)])

    def lift(self, coefficients: Float) -> Float:
        return np.asarray(self.directions @ coefficients)


@dataclass(frozen=True)
class _ManyFeatures:
    """Axes for more features than images, as mixtures of training images (N, r), which are smaller than (D, r)."""

    scaler: Scaler
    train: Features
    mixtures: Float

    def project(self, features: Features) -> Float:
        return np.asarray(_products(self.scaler, features, self.train) @ self.mixtures)

    def lift(self, coefficients: Float) -> Float:
        mixed = self.mixtures @ coefficients
        return np.concatenate([self.scaler(self.train, columns).T @ mixed for columns in column_blocks(self.train)])


def _eigen(gram: Float) -> tuple[Float, Float]:
    """The eigenvalues (r,) above rounding errors, and their eigenvectors (n, r)."""
    values, vectors = np.linalg.eigh(gram)
    kept = values > SMALLEST_VARIANCE * values[-1]
    return values[kept], np.ascontiguousarray(vectors[:, kept])


def _products(scaler: Scaler, first: Features, second: Features) -> Float:
    """The inner products (n, m) of scaled features (n, D) and (m, D)."""
    products = np.zeros((len(first), len(second)))
    for columns in column_blocks(second):
        scaled = scaler(second, columns)
        products += (scaled if first is second else scaler(first, columns)) @ scaled.T
    return products
