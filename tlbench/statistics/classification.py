"""Metrics of classification besides top-1 accuracy. Pure functions on arrays; each names its source.

All raise ValueError if a number is not finite: the predictions of a diverged model must not count as class 0.
"""

import numpy as np
from numpy.typing import NDArray

from tlbench.statistics.finite import check_finite, finite

Probabilities = NDArray[np.floating]
Labels = NDArray[np.integer]


def confusion(probabilities: Probabilities, labels: Labels) -> NDArray[np.int64]:
    """The confusion matrix (classes, classes): rows are true classes, columns predicted ones."""
    check_finite(probabilities, "probabilities")
    finite(labels, "labels")
    classes = probabilities.shape[1]
    pairs = labels.astype(np.int64) * classes + probabilities.argmax(axis=1)
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def macro_f1(matrix: NDArray[np.int64]) -> float:
    """The mean over classes of the F1 score; 0 without examples.

    As in scikit-learn's f1_score(average="macro"), a class that neither occurs nor is predicted is left out. One that
    does not occur and is predicted counts 0, though the mean recall (balanced accuracy) leaves it out.

    Source: C. J. van Rijsbergen, Information Retrieval, 2nd ed. (1979), chapter 7.
    """
    finite(matrix, "counts")
    right = matrix.diagonal()
    both = matrix.sum(axis=0) + matrix.sum(axis=1)
    there = both > 0
    return float((2 * right[there] / both[there]).mean()) if there.any() else 0.0


def top_k(probabilities: Probabilities, labels: Labels, k: int) -> float:
    """The share of examples whose true class is among the `k` most probable. Ties go to the lower class index."""
    check_finite(probabilities, "probabilities")
    finite(labels, "labels")
    own = probabilities[np.arange(len(labels)), labels][:, None]
    before = (probabilities == own) & (np.arange(probabilities.shape[1]) < labels[:, None])
    return float((((probabilities > own) | before).sum(axis=1) < k).mean())


def expected_calibration_error(probabilities: Probabilities, labels: Labels, bins: int = 15) -> float:
    """The mean gap between confidence and accuracy over bins of equal width, weighted by the size of the bins.

    Source: C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, On Calibration of Modern Neural Networks, ICML 2017,
    equation 3; bins are (low, high].
    """
    finite(labels, "labels")
    check_finite(probabilities, "probabilities")
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == labels
    place = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    size = np.bincount(place, minlength=bins)
    gap = np.bincount(place, weights=right - confidence, minlength=bins)
    assert size.sum() == len(labels)
    return float(np.abs(gap).sum() / len(labels))


def mcnemar(only_first: int, only_second: int) -> float:
    """McNemar's exact test: the two-sided p-value that two classifiers err equally often on the same examples.

    Source: Q. McNemar, Psychometrika 12 (1947), 153-157, in its exact binomial form.

    Args:
        only_first: the number of examples that only the first one gets right.
        only_second: the number of examples that only the second one gets right.
    """
    finite([only_first, only_second], "counts")
    trials, fewer = only_first + only_second, min(only_first, only_second)
    tail = term = 1
    for k in range(fewer):  # binomial coefficients one from the other, because math.comb for each is cubic in total
        term = term * (trials - k) // (k + 1)
        tail += term
    return min(1.0, float(2 * tail / 2**trials))
