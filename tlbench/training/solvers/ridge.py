"""Solve a linear head by ridge regression to one-hot targets, for all penalties from one decomposition."""

from dataclasses import dataclass, replace

import numpy as np

from tlbench.training.solvers.arrays import Float, loss_and_accuracy, one_thread
from tlbench.training.solvers.base import DenseHead, Examples, PathPoint, Solved, check, choose
from tlbench.training.solvers.coordinates import Scaling, decompose
from tlbench.training.solvers.temperature import fit_factor

PENALTIES = tuple(10 ** (3 - step / 2) for step in range(19))
"""From 1000 to 1e-6 in half decades."""


@dataclass(frozen=True)
class Ridge:
    """Ridge regression to one-hot targets on scaled features.

    Scores minimize mean squared error + l2 * (sum of squared weights on scaled features); the bias is not penalized.
    Along a principal axis the solution is covariance / (variance + l2) (A. Hoerl and R. Kennard, Ridge Regression,
    Technometrics 12, 1970), so many penalties cost little more than one. Since scores are not logits, a factor is
    fitted for each penalty (`temperature.fit_factor`). The penalty with the lowest validation loss is chosen, the
    strongest of equally good ones.
    """

    penalties: tuple[float, ...] = PENALTIES
    scaling: Scaling = "common"

    def __post_init__(self) -> None:
        if not self.penalties or min(self.penalties) <= 0:
            raise ValueError("l2: a path needs at least one penalty, and each must be above 0")

    def fixed(self, setting: float) -> "Ridge":
        """As `HeadSolver.fixed`."""
        return replace(self, penalties=(setting,))

    def solve(self, train: Examples, validation: Examples, classes: int) -> Solved:
        """As `HeadSolver.solve`."""
        check(train, validation, classes)
        with one_thread():
            coordinates = decompose(train.features, self.scaling)
            val_coordinates = coordinates.of(validation.features)
            targets = np.eye(classes)[train.labels]
            covariance = coordinates.train.T @ targets / len(train)
            bias = targets.mean(axis=0)
            path: list[PathPoint] = []
            heads: list[tuple[Float, Float]] = []
            for l2 in sorted(self.penalties, reverse=True):
                coefficients = covariance / (coordinates.variances[:, None] + l2)
                factor = fit_factor(val_coordinates @ coefficients + bias, validation.labels)
                weights, offset = factor * coefficients, factor * bias
                val_loss, val_accuracy = loss_and_accuracy(val_coordinates @ weights + offset, validation.labels)
                loss, accuracy = loss_and_accuracy(coordinates.train @ weights + offset, train.labels)
                path.append(PathPoint(l2, loss, accuracy, val_loss, val_accuracy))
                heads.append((weights, offset))
            chosen = choose(path)
            kernel, folded = coordinates.fold(*heads[chosen])
        return Solved(DenseHead(kernel.astype(np.float32), folded.astype(np.float32)), tuple(path), chosen)
