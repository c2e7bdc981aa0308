"""Temperature scaling: turn scores into class probabilities by one factor, fitted on the validation split."""

import math
from collections.abc import Callable

from scipy.optimize import minimize_scalar

from tlbench.training.solvers.arrays import Features, Float, Labels, loss_and_accuracy

FLATTEST, SHARPEST = 0.01, 10.0
"""Bounds on the standard deviation of factor * score, so that a few perfectly separated images give a finite factor."""


def fit_factor(scores: Float, labels: Labels) -> float:
    """The positive factor with which the softmax of factor * scores (N, C) has the lowest cross-entropy on labels (N,).

    It does not change the predicted classes. It is the reciprocal of the temperature in C. Guo et al., On Calibration
    of Modern Neural Networks, ICML 2017, section 4.2.
    """
    return best_factor(scores, lambda factor: loss_and_accuracy(factor * scores, labels)[0])


def best_factor(scores: Features, loss: Callable[[float], float]) -> float:
    """The factor of scores (N, C) with the lowest `loss`."""
    deviation = float((scores - scores.mean(axis=1, keepdims=True)).std())
    if deviation == 0:
        return 1.0
    found = minimize_scalar(
        lambda logarithm: loss(math.exp(logarithm)),
        bounds=(math.log(FLATTEST / deviation), math.log(SHARPEST / deviation)),
        method="bounded",
        options={"xatol": 1e-4},
    )
    return math.exp(found.x)
