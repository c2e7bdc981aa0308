"""Subset selection: which of several recipes may be the best. Pure.

Source of the rule: S. S. Gupta, On Some Multiple Decision (Selection and Ranking) Rules, Technometrics 7 (1965),
225-245: a subset of random size that contains the best with a given probability. It is the one-sided form of J. C.
Hsu's comparisons with the best (Annals of Statistics 12, 1984, 1136-1144). Their critical value assumes equal
variances; Bonferroni's inequality replaces it: the best of k recipes is excluded only if one of the k - 1 others seems
better at level 5 % / (k - 1). This holds whichever recipe leads, so choosing the leader by the data needs no further
correction.
"""

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from tlbench.statistics.classification import mcnemar
from tlbench.statistics.finite import finite
from tlbench.statistics.intervals import wilson
from tlbench.statistics.moderated import Spread, common, shrunk, spread
from tlbench.statistics.paired import fisher
from tlbench.statistics.ranks import Shift
from tlbench.statistics.student import quantile
from tlbench.statistics.trainings import Trainings, both, compare

LEVEL = 0.05


def leads(trainings: Sequence[Trainings], couples: Sequence[tuple[int, int]]) -> list[float]:
    """One-sided p-values of the hypothesis that the second of each couple is at least as good as the first.

    With several seeds on both sides (or solved heads) recipes are compared by `trainings.compare`. If a side has a
    single seed, trained models are compared: by McNemar's exact test if the answers of both are known, else by Fisher's
    exact test of two independent proportions, which is conservative because models mostly err on the same images. If
    the other side has several seeds, the largest p-value over its models counts: all of them must be better, or worse,
    so that it does not matter which seed is the first (R. L. Berger, Technometrics 24 (1982), 295-300:
    intersection-union test).

    Args:
        trainings: the trainings of each recipe.
        couples: pairs of indices into `trainings`.

    Returns:
        Uncorrected p-values; the level for the best of k recipes is `LEVEL` / (k - 1).

    Raises:
        ValueError: the answers of a couple are for different images.
    """
    p_values = []
    for (first, second), shift in zip(couples, compare(trainings, couples), strict=True):
        results = [shift] if shift else _of_models(trainings[first], trainings[second])
        p_values.append(max(result.p / 2 if result.estimate < 0 else 1 - result.p / 2 for result in results))
    return p_values


def intervals(trainings: Sequence[Trainings], confidence: float = 1 - LEVEL) -> list[tuple[float, float]]:
    """Simultaneous confidence intervals of all mean accuracies (Bonferroni), valid also for the leader.

    For a single training it is Wilson's interval. For several, or a solved head with resamples, it is Wilson's interval
    with the effective number of images that gives the variance over images and seeds, adjusted for the degrees of
    freedom (E. L. Korn and B. I. Graubard, Survey Methodology 24, 1998, 193-201).

    Raises:
        ValueError: the confidence is not between 0 and 1.
    """
    finite(confidence, "confidence")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence {confidence} is not between 0 and 1")
    own = [spread(each.accuracies) for each in trainings]
    prior = common(own)
    between_seeds = [each.resampled or shrunk(seen, prior) for each, seen in zip(trainings, own, strict=True)]
    individual = 1 - (1 - confidence) / max(1, len(trainings))
    return [_interval(each, variance, individual) for each, variance in zip(trainings, between_seeds, strict=True)]


def undominated(values: Sequence[Sequence[float]]) -> list[int]:
    """The indices of the rows (n, d) on the Pareto front of lowest values; of equal rows the first.

    Infinity stands for an unknown value, which is within no limit.

    Raises:
        ValueError: a value is NaN.
    """
    rows = np.asarray(values, float)
    if np.isnan(rows).any():
        raise ValueError("values must be numbers, and one is nan")
    kept = []
    for place, row in enumerate(rows):
        least = (rows <= row).all(axis=1)
        equal = (rows == row).all(axis=1)
        if not (least & ~equal).any() and not equal[:place].any():
            kept.append(place)
    return kept


def _interval(of: Trainings, seeds: Spread, confidence: float) -> tuple[float, float]:
    mean, number = float(of.accuracies.mean()), len(of.accuracies)
    over_images = mean * (1 - mean) / of.images
    if not of.judged or over_images == 0 or seeds.freedom == 0:
        return wilson(mean * of.images, of.images, confidence)
    total = both(Spread(seeds.variance / number, seeds.freedom), Spread(over_images, max(1, of.images - 1)))
    wider = quantile(total.freedom, (1 + confidence) / 2) / NormalDist().inv_cdf((1 + confidence) / 2)
    trials = of.images * over_images / total.variance / wider**2
    return wilson(mean * trials, trials, confidence)


def _of_models(first: Trainings, second: Trainings) -> list[Shift]:
    """The differences in accuracy of trained models, second minus first, without intervals, for each pair of them."""
    if first.right is not None and second.right is not None:
        if first.images != second.images:
            raise ValueError(f"{first.images} and {second.images} test images: the same images are needed")
        return [_of_answers(a, b) for a in first.right.T for b in second.right.T]
    return [
        _of_shares((one, first.images), (two, second.images)) for one in first.accuracies for two in second.accuracies
    ]


def _of_answers(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> Shift:
    lost, won = int((first & ~second).sum()), int((second & ~first).sum())
    return Shift((won - lost) / len(first), None, None, mcnemar(lost, won))


def _of_shares(first: tuple[float, int], second: tuple[float, int]) -> Shift:
    """The difference of two independent shares, each with its number of images."""
    counts = [(round(share * images), images) for share, images in (first, second)]
    return Shift(second[0] - first[0], None, None, fisher(*counts))
