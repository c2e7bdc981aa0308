"""Features in principal coordinates: one decomposition serves all penalties, all resamples and every solver.

A linear head with an L2 penalty has its weights in the span of the training features (the representer theorem: G.
Kimeldorf and G. Wahba, Some Results on Tchebycheffian Spline Functions, J. Math. Analysis and Applications 33, 1971). A
rotation changes neither loss nor penalty, so N images of D features are a problem of at most min(N, D) coordinates, and
along principal axes the curvature of the loss is nearly diagonal, which is what a fast solver needs.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from tlbench.training.solvers.arrays import Features, Float, column_blocks, row_blocks

Scaling = Literal["common", "each"]

SMALLEST_VARIANCE = 1e-10
"""Principal axes with a smaller share of the largest one's variance are rounding, and left out."""

CONSTANT = 1e-6
"""A feature whose standard deviation is a smaller share of its mean is constant but for float32 rounding."""


@dataclass(frozen=True)
class Scaler:
    """What features are centred by (D,) and multiplied with (D,); the factor of constant features is 0."""

    mean: Float
    factor: Float

    def __call__(self, features: Features, columns: slice = slice(None)) -> Float:
        """Scaled features (n, D) of some rows, or some columns of them."""
        return np.asarray((features[:, columns] - self.mean[columns]) * self.factor[columns])


def fit_scaler(features: Features, scaling: Scaling) -> Scaler:
    """Centre features (N, D) and give them variance 1: `each` its own, or all together on average (`common`).

    `common` keeps the relative scale of features, which the backbone has learned.
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
    """Principal axes of scaled training features; r of them."""

    def project(self, features: Features) -> Float:
        """Coordinates (n, r) of features (n, D)."""
        ...

    def lift(self, coefficients: Float) -> Float:
        """Weights (D, C) on scaled features, of coefficients (r, C) on coordinates."""
        ...


@dataclass(frozen=True)
class Coordinates:
    """Training features in principal coordinates (N, r), the variance along each (r,), and the way there and back."""

    train: Float
    variances: Float
    scaler: Scaler
    axes: Axes

    def of(self, features: Features) -> Float:
        """Coordinates (n, r) of other features (n, D)."""
        return self.axes.project(np.asarray(features))

    def fold(self, coefficients: Float, bias: Float) -> tuple[Float, Float]:
        """Kernel (D, C) and bias (C,) on raw features, of coefficients (r, C) and bias (C,) on coordinates."""
        kernel = self.axes.lift(coefficients) * self.scaler.factor[:, None]
        return kernel, bias - self.scaler.mean @ kernel


def decompose(features: Features, scaling: Scaling) -> Coordinates:
    """Principal coordinates of training features (N, D), by the eigenvectors of the smaller Gram matrix, in float64.

    Features are read some rows or columns at a time: a memory-mapped array is never copied as a whole.
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
    """No more features than images: the axes themselves (D, r)."""

    scaler: Scaler
    directions: Float

    def project(self, features: Features) -> Float:
        return np.concatenate([self.scaler(block) @ self.directions for _, block in row_blocks(features)])

    def lift(self, coefficients: Float) -> Float:
        return np.asarray(self.directions @ coefficients)


@dataclass(frozen=True)
class _ManyFeatures:
    """More features than images: axes as mixtures of training images (N, r), so that nothing of size D x r is kept."""

    scaler: Scaler
    train: Features
    mixtures: Float

    def project(self, features: Features) -> Float:
        return np.asarray(_products(self.scaler, features, self.train) @ self.mixtures)

    def lift(self, coefficients: Float) -> Float:
        mixed = self.mixtures @ coefficients
        return np.concatenate([self.scaler(self.train, columns).T @ mixed for columns in column_blocks(self.train)])


def _eigen(gram: Float) -> tuple[Float, Float]:
    """Eigenvalues (r,) that are not rounding, and their vectors (n, r)."""
    values, vectors = np.linalg.eigh(gram)
    kept = values > SMALLEST_VARIANCE * values[-1]
    return values[kept], np.ascontiguousarray(vectors[:, kept])


def _products(scaler: Scaler, first: Features, second: Features) -> Float:
    """Inner products (n, m) of scaled features (n, D) and (m, D)."""
    products = np.zeros((len(first), len(second)))
    for columns in column_blocks(second):
        scaled = scaler(second, columns)
        products += (scaled if first is second else scaler(first, columns)) @ scaled.T
    return products
