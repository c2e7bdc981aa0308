"""Solve a linear head by softmax regression, over a path of L2 penalties."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from tlbench.training.solvers.arrays import Float, loss_and_accuracy, one_thread
from tlbench.training.solvers.base import DenseHead, Examples, PathPoint, Solved, check, choose
from tlbench.training.solvers.coordinates import Coordinates, Scaling, decompose
from tlbench.training.solvers.softmax import Minimum, Softmax

PENALTIES = tuple(10 ** (2 - step / 2) for step in range(17))
"""From 100 to 1e-6 in half decades. On real features of two backbones the best was between 0.03 and 0.3."""

PATIENCE = 2
"""The path ends after this many points without a lower validation loss: weaker penalties are slower, and overfit."""


@dataclass(frozen=True)
class Linear:
    """Softmax regression on scaled features.

    The head minimizes mean cross-entropy + l2/2 * (sum of squared weights on scaled features); the bias is not
    penalized. The path goes from the strongest penalty to the weakest, each starting at the previous solution (J.
    Friedman, T. Hastie and R. Tibshirani, Regularization Paths for Generalized Linear Models via Coordinate Descent, J.
    Statistical Software 33, 2010, section 2.5). The penalty with the lowest validation loss is chosen, the strongest of
    equally good ones.

    scikit-learn's LogisticRegression has the same optimum at C = 1 / (N l2). For two classes it has a single unit w, as
    this head's `single_unit`: the penalty on it is l2/4 * |w|^2, so C = 2 / (N l2).

    Attributes:
        penalties: the values of l2 to try.
        patience: how many points without a lower validation loss end the path; None: it is never cut short.
        scaling: as in `fit_scaler`.
        class_weights: a factor on the loss of each class, in training and on the validation split.
    """

    penalties: tuple[float, ...] = PENALTIES
    patience: int | None = PATIENCE
    scaling: Scaling = "common"
    class_weights: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if not self.penalties or min(self.penalties) <= 0:
            raise ValueError("l2: a path needs at least one penalty, and each must be above 0")

    def fixed(self, setting: float) -> "Linear":
        """As `HeadSolver.fixed`."""
        return replace(self, penalties=(setting,))

    def solve(self, train: Examples, validation: Examples, classes: int) -> Solved:
        """As `HeadSolver.solve`. Raises ValueError also if there is not one weight per class."""
        with one_thread():
            coordinates, problem = self.problem(train, validation, classes)
            val_coordinates = coordinates.of(validation.features)
            weights = self._weights(validation, classes)
            path: list[PathPoint] = []
            minima: list[Minimum] = []
            for l2, minimum in _walk(problem, sorted(self.penalties, reverse=True)):
                loss, accuracy = loss_and_accuracy(minimum.logits(problem.coordinates), train.labels, problem.weights)
                val_loss, val_accuracy = loss_and_accuracy(minimum.logits(val_coordinates), validation.labels, weights)
                path.append(PathPoint(l2, loss, accuracy, val_loss, val_accuracy, minimum.converged))
                minima.append(minimum)
                if self.patience is not None and len(path) - choose(path) > self.patience:
                    break
            chosen = choose(path)
            kernel, bias = coordinates.fold(minima[chosen].coefficients, minima[chosen].bias)
        return Solved(DenseHead(kernel.astype(np.float32), bias.astype(np.float32)), tuple(path), chosen)

    def problem(self, train: Examples, validation: Examples, classes: int) -> tuple[Coordinates, Softmax]:
        """The features in principal coordinates and the loss on them. Raises ValueError as `solve`."""
        check(train, validation, classes)
        if self.class_weights is not None and (len(self.class_weights) != classes or min(self.class_weights) <= 0):
            raise ValueError(f"class_weights: {classes} classes need {classes} weights above 0")
        coordinates = decompose(train.features, self.scaling)
        weights = self._weights(train, classes)
        return coordinates, Softmax(coordinates.train, coordinates.variances, train.labels, weights, classes)

    def _weights(self, examples: Examples, classes: int) -> Float:
        """The weight of each image in the loss (N,), with sum 1."""
        weights: Float = np.asarray(self.class_weights or np.ones(classes), np.float64)[examples.labels]
        return np.asarray(weights / weights.sum())


def _walk(problem: Softmax, penalties: list[float]) -> Iterator[tuple[float, Minimum]]:
    """The solution for each penalty, each starting at the previous one."""
    minimum = problem.origin()
    for l2 in penalties:
        minimum = problem.minimise(l2, minimum)
        yield l2, minimum
