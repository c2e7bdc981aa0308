"""Class probabilities from scores that are not logits: one factor, fitted on validation images."""

import math

from scipy.optimize import minimize_scalar

from tlbench.training.solvers.arrays import Float, Labels, loss_and_accuracy

FLATTEST, SHARPEST = 0.01, 10.0
"""Bounds of the deviation of factor x score, so that a few images that are all told apart give no infinite factor."""


def fit_factor(scores: Float, labels: Labels) -> float:
    """The factor above 0 for which the softmax of factor x scores (N, C) has the lowest cross-entropy on labels (N,).

    It changes no image's class. It is the reciprocal of the temperature of C. Guo et al., On Calibration of Modern
    Neural Networks, ICML 2017, section 4.2.
    """
    deviation = float((scores - scores.mean(axis=1, keepdims=True)).std())
    if deviation == 0:
        return 1.0
    found = minimize_scalar(
        lambda logarithm: loss_and_accuracy(math.exp(logarithm) * scores, labels)[0],
        bounds=(math.log(FLATTEST / deviation), math.log(SHARPEST / deviation)),
        method="bounded",
        options={"xatol": 1e-4},
    )
    return math.exp(found.x)
