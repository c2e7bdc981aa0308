"""One factor of scores, fitted on validation images: class probabilities from what are none."""

import math
from collections.abc import Callable

from scipy.optimize import minimize_scalar

from tlbench.training.solvers.arrays import Features, Float, Labels, loss_and_accuracy

FLATTEST, SHARPEST = 0.01, 10.0
"""Bounds of the deviation of factor x score, so that a few images that are all told apart give no infinite factor."""


def fit_factor(scores: Float, labels: Labels) -> float:
    """The factor above 0 for which the softmax of factor x scores (N, C) has the lowest cross-entropy on labels (N,).

    It changes no image's class. It is the reciprocal of the temperature of C. Guo et al., On Calibration of Modern
    Neural Networks, ICML 2017, section 4.2.
    """
    return best_factor(scores, lambda factor: loss_and_accuracy(factor * scores, labels)[0])


def best_factor(scores: Features, loss: Callable[[float], float]) -> float:
    """The factor of scores (N, C) for which `loss` of it is lowest."""
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
