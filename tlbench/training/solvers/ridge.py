"""A linear head by ridge regression to one-hot targets: every penalty from one decomposition."""

from dataclasses import dataclass, replace

import numpy as np

from tlbench.training.solvers.arrays import Float, loss_and_accuracy, one_thread
from tlbench.training.solvers.base import DenseHead, Examples, PathPoint, Solved, check, choose
from tlbench.training.solvers.coordinates import Scaling, decompose
from tlbench.training.solvers.temperature import fit_factor

PENALTIES = tuple(10 ** (3 - step / 2) for step in range(19))
"""From 1000 to 1e-6 by half decades."""


@dataclass(frozen=True)
class Ridge:
    """Least squares to one-hot targets on scaled features.

    The scores minimise mean squared error + l2 * (sum of squared weights on scaled features); the bias is free. Along a
    principal axis the solution is covariance / (variance + l2) (A. Hoerl and R. Kennard, Ridge Regression,
    Technometrics 12, 1970), so that all penalties cost little more than one. Scores are no logits: for each penalty a
    factor is fitted on validation (`temperature.fit_factor`), and chosen is the lowest validation loss, of equal ones
    the strongest penalty.
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
        """The head; raises ValueError as `HeadSolver.solve`."""
        check(train, validation, classes)
        with one_thread():
            coordinates = decompose(train.features, self.scaling)
            seen = coordinates.of(validation.features)
            targets = np.eye(classes)[train.labels]
            covariance = coordinates.train.T @ targets / len(train)
            bias = targets.mean(axis=0)
            path: list[PathPoint] = []
            heads: list[tuple[Float, Float]] = []
            for l2 in sorted(self.penalties, reverse=True):
                coefficients = covariance / (coordinates.variances[:, None] + l2)
                factor = fit_factor(seen @ coefficients + bias, validation.labels)
                scaled = (factor * coefficients, factor * bias)
                val_loss, val_accuracy = loss_and_accuracy(seen @ scaled[0] + scaled[1], validation.labels)
                loss, accuracy = loss_and_accuracy(coordinates.train @ scaled[0] + scaled[1], train.labels)
                path.append(PathPoint(l2, loss, accuracy, val_loss, val_accuracy))
                heads.append(scaled)
            chosen = choose(path)
            kernel, folded = coordinates.fold(*heads[chosen])
        return Solved(DenseHead(kernel.astype(np.float32), folded.astype(np.float32)), tuple(path), chosen)
