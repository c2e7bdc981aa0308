"""Compare the accuracies of recipes that were trained several times. Pure.

The randomness of a training (initial head, order of batches, rounding) affects many test images at once. However many
test images there are, they cannot tell a lucky training from a better recipe; only further trainings can.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tlbench.statistics.finite import Numbers, finite
from tlbench.statistics.moderated import Spread, common, difference, of_sum, shrunk, spread
from tlbench.statistics.ranks import Shift

Images = Literal["drawn", "fixed"]
FEWEST_SEEDS = 2


@dataclass(frozen=True)
class Trainings:
    """A recipe that was trained with several seeds and tested on the same images each time.

    Attributes:
        accuracies: the accuracy of each training (seeds,), from 0 to 1.
        images: the number of test images.
        right: whether each training predicted each image correctly (images, seeds); None if unknown.
        resampled: for a solved head, which does not depend on a seed, the variance of its accuracy over resamples of
            the training images; else None.
    """

    accuracies: Numbers
    images: int
    right: NDArray[np.bool_] | None = None
    resampled: Spread | None = None

    @property
    def judged(self) -> bool:
        """Whether the variance between trainings is known."""
        return self.resampled is not None or len(self.accuracies) >= FEWEST_SEEDS


def of_accuracies(accuracies: Sequence[float], images: int) -> Trainings:
    """Trainings from accuracies. Raises ValueError unless there are some, all from 0 to 1, on at least one image."""
    shares = finite(accuracies, "accuracies")
    finite(images, "the number of images")
    if not len(shares) or images < 1 or shares.min() < 0 or shares.max() > 1:
        raise ValueError(f"accuracies {shares.tolist()} of {images} images: shares from 0 to 1 are needed")
    return Trainings(shares, images)


def of_answers(right: ArrayLike | NDArray[np.bool_]) -> Trainings:
    """Trainings from correct (1) and wrong (0) answers (images, seeds). Raises ValueError for anything else."""
    given = np.asarray(right)
    if given.dtype != np.bool_:
        given = finite(given, "answers")
    answers = given.astype(np.bool_, copy=False)
    if answers.ndim != 2 or not answers.size or (given != answers).any():
        raise ValueError(f"answers of shape {answers.shape}: (images, seeds) of 0 and 1 are needed")
    return Trainings(answers.mean(axis=0), len(answers), answers)


def without_seeds(training: Trainings, resampled: Sequence[float]) -> Trainings:
    """`training` of a solved head, with the variance over resamples of its training images in place of seeds.

    Raises:
        ValueError: there are several seeds, or fewer than two resamples.
    """
    if len(training.accuracies) != 1 or len(resampled) < FEWEST_SEEDS:
        raise ValueError(f"{len(training.accuracies)} trainings, {len(resampled)} resamples: one, and several, needed")
    return replace(training, resampled=spread(resampled))


def compare(
    trainings: Sequence[Trainings], couples: Sequence[tuple[int, int]], images: Images = "drawn"
) -> list[Shift | None]:
    """The differences of mean accuracy, second minus first, of couples of recipes.

    The variance of a difference has two parts:

    - Seeds: the variance of each side's mean over its seeds, moderated by the variances of all trainings (`common`).
      It is at least what the disagreement of trainings on single images implies (`_least`), since two seeds that happen
      to have the same accuracy prove nothing. For a solved head it is the variance over resamples of the training
      images. Both sides share these images, so this is exact if the sides vary equally and correlate by one half, and
      conservative if they correlate more.
    - Images, if they are ``drawn``, i.e. if the question is which recipe is better on other images too. If the answers
      of both sides to the same images are known, it is the variance over images of the difference in the share of
      correct answers, minus the part that is due to seeds; else the binomial variances. If images are ``fixed``, the
      question is whether the trainings differ on just these images, and there is no such part.

    Sources: B. D. Gallas, G. A. Pennello and K. J. Myers, Multireader Multicase Variance Analysis for Binary Data,
    Journal of the Optical Society of America A 24 (2007), B70-B80, where trainings are readers that the two sides do
    not share; `moderated` for the rest.

    Args:
        trainings: all recipes that were trained in a comparable way.
        couples: pairs of indices into `trainings`.
        images: whether the test images are a sample, or fixed.

    Returns:
        The difference of each couple; None if a side has too few seeds to judge. P-values are not corrected: apply
        `holm`, over all pairs of recipes if the first of each couple was chosen because it looked best.

    Raises:
        ValueError: sides that need the same images have different numbers of them.
    """
    own = [spread(each.accuracies) for each in trainings]
    known = [each.resampled.freedom for each in trainings if each.resampled is not None]
    prior, most = common(own), sum(each.freedom for each in own) + sum(known)  # all degrees of freedom there are
    of_means = [
        _of_mean(each.resampled or shrunk(seen, prior), each) for seen, each in zip(own, trainings, strict=True)
    ]
    judged = [trainings[first].judged and trainings[second].judged for first, second in couples]
    in_use = {place for couple, known in zip(couples, judged, strict=True) if known for place in couple}
    sides = {place: _Side(trainings[place], of_means[place]) for place in in_use}
    return [
        _compared(sides[first], sides[second], most, images) if known else None
        for (first, second), known in zip(couples, judged, strict=True)
    ]


def _of_mean(of_one: Spread, of: Trainings) -> Spread:
    """The variance of a mean accuracy over seeds, from that of a single training."""
    return Spread(max(of_one.variance, _least(of)) / len(of.accuracies), of_one.freedom)


def _least(of: Trainings) -> float:
    """The least variance of the accuracy of a training: the one it has if images are answered independently.

    It is half the share of images on which two trainings disagree, over the number of images. As in Agresti and Min's
    interval (see `paired`), one disagreement on two more images is added, since none among n images does not mean
    never. Without answers only that one counts.
    """
    seeds = len(of.accuracies)
    disagreeing = 0.0 if of.right is None or seeds < FEWEST_SEEDS else 2 * float(of.right.var(axis=1, ddof=1).sum())
    return (disagreeing + 1) / (of.images + 2) / 2 / of.images


@dataclass(frozen=True)
class _Side:
    """A side of couples, with the variance of its mean over seeds.

    Properties are computed once for all couples of the side: 640 recipes have some 30,000 couples.
    """

    of: Trainings
    seeds: Spread

    @cached_property
    def mean(self) -> float:
        return float(self.of.accuracies.mean())

    @cached_property
    def shares(self) -> Numbers | None:
        """For each image, the share of the trainings that predicted it correctly (images,)."""
        return None if self.of.right is None else self.of.right.mean(axis=1)

    @cached_property
    def noise(self) -> float:
        """The part of the variance of `shares` that is due to seeds; 0 for a single training."""
        right = self.of.right
        if right is None or right.shape[1] < 2:
            return 0.0
        return float(right.var(axis=1, ddof=1).mean() / right.shape[1])

    @cached_property
    def binomial(self) -> Spread:
        return Spread(self.mean * (1 - self.mean) / self.of.images, max(1, self.of.images - 1))


def _compared(first: _Side, second: _Side, most: float, images: Images) -> Shift:
    kept = first.of.right is not None and second.of.right is not None
    if (kept or images == "fixed") and first.of.images != second.of.images:
        raise ValueError(f"{first.of.images} and {second.of.images} test images: the same images are needed")
    if images == "fixed" and _alike(first.of, second.of):  # nothing changed at all
        return Shift(0.0, 0.0, 0.0, 1.0)
    seeds = of_sum([first.seeds, second.seeds], most)
    if images == "drawn":
        seeds = both(seeds, _over_images(first, second))
    return difference(first.mean, second.mean, seeds)


def both(seeds: Spread, images: Spread) -> Spread:
    """The sum of the variances, with the harmonic mean of the degrees of freedom, weighted by variance.

    This is less than Satterthwaite's approximation, which is too large if one part has few degrees of freedom and the
    other one hundreds.
    """
    total = of_sum([seeds, images])
    if total.variance == 0:
        return total
    share = seeds.variance / total.variance
    return Spread(total.variance, 1 / (share / seeds.freedom + (1 - share) / images.freedom))


def _alike(first: Trainings, second: Trainings) -> bool:
    """Whether all answers are equal, seed by seed. Accuracies are compared first, because that is fast."""
    if first.right is None or second.right is None or not np.array_equal(first.accuracies, second.accuracies):
        return False
    return np.array_equal(first.right, second.right)


def _over_images(first: _Side, second: _Side) -> Spread:
    """The variance of a difference of mean accuracies over images, without the part that is due to seeds."""
    if first.shares is None or second.shares is None:
        return of_sum([first.binomial, second.binomial])
    images = len(first.shares)
    seen = float((second.shares - first.shares).var(ddof=1)) if images > 1 else 0.0
    return Spread(max(0.0, seen - (first.noise + second.noise)) / images, max(1, images - 1))
