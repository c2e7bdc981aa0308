"""Which of several recipes may be the best, where the one that leads was chosen by its luck too. Pure.

Source of the rule: S. S. Gupta, On Some Multiple Decision (Selection and Ranking) Rules, Technometrics 7 (1965),
225-245: a subset of random size that holds the best with a stated probability. It is the one-sided form of J. C. Hsu's
comparisons with the best (Annals of Statistics 12, 1984, 1136-1144). Bonferroni's inequality stands in for their
critical value, which wants equal variances: of k recipes the best one is left out only where one of the k - 1 others
seems better at a level of 5 % / (k - 1). That holds whichever leads, so that the choice of the leader costs nothing.
"""

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from tlbench.statistics.classification import mcnemar
from tlbench.statistics.finite import finite
from tlbench.statistics.intervals import wilson
from tlbench.statistics.moderated import Spread, common, difference, of_sum, shrunk, spread
from tlbench.statistics.ranks import Shift
from tlbench.statistics.student import quantile
from tlbench.statistics.trainings import Trainings, both, compare

LEVEL = 0.05


def leads(trainings: Sequence[Trainings], couples: Sequence[tuple[int, int]]) -> list[float]:
    """For each couple (first, second) of `trainings`, by place: the one-sided p-value that second is as good as first.

    It is not corrected: `LEVEL` / (k - 1) is the level for the best of k. With several seeds a side, or none to have,
    it is about recipes (`trainings.compare`). Where either has one seed, two trained models are compared: by McNemar's
    exact test where both kept their answers, else as two independent shares, which is careful, since models mostly err
    on the same images. Raises ValueError where answers are of different images.
    """
    shifts = compare(trainings, couples)
    p_values = []
    for (first, second), shift in zip(couples, shifts, strict=True):
        seen = shift or _of_models(trainings[first], trainings[second])
        p_values.append(seen.p / 2 if seen.estimate < 0 else 1 - seen.p / 2)
    return p_values


def intervals(trainings: Sequence[Trainings], confidence: float = 1 - LEVEL) -> list[tuple[float, float]]:
    """Intervals of all mean accuracies that hold together with `confidence` (Bonferroni): also that of the leader.

    One training with a seed: Wilson's. Several, or a solved head with its resamples: Wilson's with as many images as
    would give the variance over images and seeds, by the degrees of freedom known (E. L. Korn and B. I. Graubard,
    Survey Methodology 24, 1998, 193-201).
    Raises ValueError where a confidence is not within 0 and 1.
    """
    finite(confidence, "confidence")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence {confidence} is not between 0 and 1")
    own = [spread(each.accuracies) for each in trainings]
    prior = common(own)
    luck = [each.resampled or shrunk(seen, prior) for each, seen in zip(trainings, own, strict=True)]
    each_alone = 1 - (1 - confidence) / max(1, len(trainings))
    return [_interval(each, of_one, each_alone) for each, of_one in zip(trainings, luck, strict=True)]


def undominated(values: Sequence[Sequence[float]]) -> list[int]:
    """Places of the rows (n, d) that no other row is at least as low as in all columns; of equal rows the first.

    Infinity stands for what is not known and therefore within no limit. Raises ValueError where a value is NaN.
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


def _of_models(first: Trainings, second: Trainings) -> Shift:
    """How much more often the first training of the second is right than that of the first: without an interval."""
    if first.right is not None and second.right is not None:
        if first.images != second.images:
            raise ValueError(f"{first.images} and {second.images} test images: the same images are needed")
        a, b = first.right[:, 0], second.right[:, 0]
        lost, won = int((a & ~b).sum()), int((b & ~a).sum())
        return Shift((won - lost) / first.images, None, None, mcnemar(lost, won))
    shares = [float(each.accuracies[0]) for each in (first, second)]
    variances = [
        Spread(share * (1 - share) / each.images, max(1, each.images - 1))
        for share, each in zip(shares, (first, second), strict=True)
    ]
    return difference(shares[0], shares[1], of_sum(variances))
