"""Softmax regression with an L2 penalty, in principal coordinates, solved by L-BFGS."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from tlbench.training.solvers.arrays import Float, Labels, log_softmax

TOLERANCE = 3e-5
"""The largest entry of the scaled gradient at a solution; on real features the loss is then within 1e-6 of optimal."""

MOST_ITERATIONS = 2000

SMALLEST_CURVATURE = 1e-4

CACHED = 1 << 17
"""The size of a block of rows that stays in a core's cache between its two products, which cuts the time to a third."""


@dataclass(frozen=True)
class Minimum:
    """A solution: coefficients (r, C) and bias (C,), and whether the gradient is within `TOLERANCE`."""

    coefficients: Float
    bias: Float
    converged: bool

    def logits(self, coordinates: Float) -> Float:
        """The logits (n, C) of coordinates (n, r)."""
        return np.asarray(coordinates @ self.coefficients + self.bias)


@dataclass(frozen=True)
class Softmax:
    """The weighted mean cross-entropy as a function of coefficients and bias.

    Attributes:
        coordinates: the features in principal coordinates (N, r).
        variances: the variance along each axis (r,).
        labels: the classes (N,).
        weights: the weight of each image (N,), with sum 1.
        classes: the number of classes.
    """

    coordinates: Float
    variances: Float
    labels: Labels
    weights: Float
    classes: int

    def origin(self) -> Minimum:
        """All coefficients zero, which is the solution for an infinite penalty except for the bias."""
        return Minimum(np.zeros((len(self.variances), self.classes)), np.zeros(self.classes), True)

    def minimise(self, l2: float, start: Minimum) -> Minimum:
        """Minimize loss + l2/2 * (sum of squared coefficients), without a penalty on the bias, from `start`.

        Uses L-BFGS (D. Liu and J. Nocedal, On the Limited Memory BFGS Method, Math. Programming 45, 1989). Unknowns are
        scaled by the square root of their curvature, which in principal coordinates is approximately (curvature of a
        logit) * variance + l2.
        """
        curvature = self._curvature(start)
        scale = 1 / np.sqrt(np.append(curvature * self.variances + l2, curvature))[:, None]
        shape = (len(scale), self.classes)

        def scaled(unknowns: Float) -> tuple[float, Float]:
            joined = unknowns.reshape(shape) * scale
            loss, gradient = self._evaluate(joined[:-1], joined[-1])
            gradient[:-1] += l2 * joined[:-1]
            return loss + l2 / 2 * float(np.vdot(joined[:-1], joined[:-1])), (gradient * scale).ravel()

        result = minimize(
            scaled,
            (np.vstack([start.coefficients, start.bias]) / scale).ravel(),
            jac=True,
            method="L-BFGS-B",
            options={"gtol": TOLERANCE, "ftol": 0.0, "maxiter": MOST_ITERATIONS, "maxfun": 2 * MOST_ITERATIONS},
        )
        joined = result.x.reshape(shape) * scale
        return Minimum(joined[:-1], joined[-1], bool(np.abs(result.jac).max() <= TOLERANCE))

    def _evaluate(self, coefficients: Float, bias: Float) -> tuple[float, Float]:
        """The loss without penalty, and its gradient (r + 1, C)."""
        loss, gradient = 0.0, np.zeros((len(coefficients) + 1, self.classes))
        step = max(16, CACHED // max(1, len(coefficients)))
        for begin in range(0, len(self.labels), step):
            rows = slice(begin, begin + step)
            block, labels, weights = self.coordinates[rows], self.labels[rows], self.weights[rows]
            logarithms = log_softmax(block @ coefficients + bias)
            images = np.arange(len(labels))
            loss -= float(weights @ logarithms[images, labels])
            residual = np.exp(logarithms)
            residual[images, labels] -= 1
            residual *= weights[:, None]
            gradient[:-1] += block.T @ residual
            gradient[-1] += residual.sum(axis=0)
        return loss, gradient

    def _curvature(self, at: Minimum) -> float:
        """The mean second derivative of the loss with respect to a logit."""
        probabilities = np.exp(log_softmax(at.logits(self.coordinates)))
        mean = float(self.weights @ (probabilities * (1 - probabilities)).mean(axis=1))
        return max(mean, SMALLEST_CURVATURE)
