"""Accuracies of several trainings: differences that the luck of training cannot explain. Pure.

One training is one draw. Its luck (the seed's head, the order of batches, rounding) moves many images at once, so that
no number of test images can tell it from a better recipe; only other trainings can.
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
    """One recipe, trained with several seeds and tested on the same images each time.

    accuracies: (seeds,), shares of 1. images: how many. right: (images, seeds), whether a training predicted an image
    right; None where the answers were not kept. resampled: of a training without luck (a solved head has one
    solution, and no seed), how much its accuracy varies over resamples of its training images; else None.
    """

    accuracies: Numbers
    images: int
    right: NDArray[np.bool_] | None = None
    resampled: Spread | None = None

    @property
    def judged(self) -> bool:
        """Whether anything is known of what another training of the recipe would have given."""
        return self.resampled is not None or len(self.accuracies) >= FEWEST_SEEDS


def of_accuracies(accuracies: Sequence[float], images: int) -> Trainings:
    """From one accuracy a seed. Raises ValueError unless there are some, all from 0 to 1, of at least one image."""
    shares = finite(accuracies, "accuracies")
    finite(images, "the number of images")
    if not len(shares) or images < 1 or shares.min() < 0 or shares.max() > 1:
        raise ValueError(f"accuracies {shares.tolist()} of {images} images: shares from 0 to 1 are needed")
    return Trainings(shares, images)


def of_answers(right: ArrayLike | NDArray[np.bool_]) -> Trainings:
    """From right and wrong answers (images, seeds). Raises ValueError unless there are some, each 0 or 1."""
    given = np.asarray(right)
    if given.dtype != np.bool_:
        given = finite(given, "answers")
    answers = given.astype(np.bool_, copy=False)
    if answers.ndim != 2 or not answers.size or (given != answers).any():
        raise ValueError(f"answers of shape {answers.shape}: (images, seeds) of 0 and 1 are needed")
    return Trainings(answers.mean(axis=0), len(answers), answers)


def without_seeds(training: Trainings, resampled: Sequence[float]) -> Trainings:
    """`training`, which has no luck, with its accuracies on resamples of its training images.

    Their variance stands where that of seeds does. Raises ValueError for several seeds, and for fewer than two
    resamples, of which nothing is known.
    """
    if len(training.accuracies) != 1 or len(resampled) < FEWEST_SEEDS:
        raise ValueError(f"{len(training.accuracies)} trainings, {len(resampled)} resamples: one, and several, needed")
    return replace(training, resampled=spread(resampled))


def compare(
    trainings: Sequence[Trainings], couples: Sequence[tuple[int, int]], images: Images = "drawn"
) -> list[Shift | None]:
    """For each couple of `trainings`, by place, how much higher the second's mean accuracy is; None with too few seeds.

    Where either has fewer than `FEWEST_SEEDS` seeds, and no resamples in their place, there is nothing to judge: that
    difference can be shown, no more. The variance of resamples holds for other training images, which the other side of
    a couple was trained on as well: the variance of a difference over them is that of the one side where both vary
    alike and correlate by one half, and less where they go together more, as a strategy that begins with that head may.
    `trainings` are all that were trained alike (a suite's cells of both sides; the recipes of a run): seeds of few
    others tell how much seeds vary (`common`), each by as much as they agree on it.

    The variance of a difference has two parts. Seeds: that of each side's accuracies, moderated, over its seeds.
    Images, where they are ``drawn``, the question being which recipe is better on other images as well: where both
    kept their answers to the same images, the variance over images of the difference of shares of right answers, less
    what seeds that disagree on an image put into it; else the binomial variance of each side. Where they are ``fixed``
    both sides must have seen the same images, the question is whether the trainings differ on these (the same code
    does not, on any), and there is no second part.
    Sources: B. D. Gallas, G. A. Pennello and K. J. Myers, Multireader Multicase Variance Analysis for Binary Data,
    Journal of the Optical Society of America A 24 (2007), B70-B80, with trainings for readers that are not shared by
    the two sides; moderated.py for the rest. p-values are not corrected for the number of couples: take `holm`, over
    all pairs of recipes where the first of each couple was chosen because it looked best.
    Raises ValueError where sides that need the same images have different numbers of them.
    """
    own = [spread(each.accuracies) for each in trainings]
    known = [each.resampled.freedom for each in trainings if each.resampled is not None]
    prior, most = common(own), sum(each.freedom for each in own) + sum(known)  # no more is known of luck in all
    of_means = [
        each.resampled or _of_mean(seen, prior, len(each.accuracies)) for seen, each in zip(own, trainings, strict=True)
    ]
    judged = [trainings[first].judged and trainings[second].judged for first, second in couples]
    in_use = {place for couple, known in zip(couples, judged, strict=True) if known for place in couple}
    sides = {place: _Side(trainings[place], of_means[place]) for place in in_use}
    return [
        _compared(sides[first], sides[second], most, images) if known else None
        for (first, second), known in zip(couples, judged, strict=True)
    ]


def _of_mean(own: Spread, prior: Spread, seeds: int) -> Spread:
    """Variance of a mean accuracy over other seeds."""
    likely = shrunk(own, prior)
    return Spread(likely.variance / seeds, likely.freedom)


@dataclass(frozen=True)
class _Side:
    """Trainings in a couple, with the variance of their mean over other seeds. The rest is computed once for all their
    couples, of which 640 recipes have some 30,000.
    """

    of: Trainings
    seeds: Spread

    @cached_property
    def mean(self) -> float:
        return float(self.of.accuracies.mean())

    @cached_property
    def shares(self) -> Numbers | None:
        """For each image, the share of the trainings that predicted it right (images,)."""
        return None if self.of.right is None else self.of.right.mean(axis=1)

    @cached_property
    def noise(self) -> float:
        """How much of the variance of `shares` is that of trainings; one without luck puts in none."""
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
    if _alike(first.of, second.of):  # nothing changed, however much seeds may vary
        return Shift(0.0, 0.0, 0.0, 1.0)
    seeds = of_sum([first.seeds, second.seeds], most)
    if images == "drawn":
        seeds = both(seeds, _over_images(first, second))
    return difference(first.mean, second.mean, seeds)


def both(seeds: Spread, images: Spread) -> Spread:
    """The sum, with degrees of freedom averaged (harmonically) by variance.

    They are fewer than Satterthwaite's, which are too many where one part has but a few and the other hundreds.
    """
    total = of_sum([seeds, images])
    if total.variance == 0:
        return total
    share = seeds.variance / total.variance
    return Spread(total.variance, 1 / (share / seeds.freedom + (1 - share) / images.freedom))


def _alike(first: Trainings, second: Trainings) -> bool:
    """Whether all answers are equal, seed by seed; those of other accuracies need no look."""
    if first.right is None or second.right is None or not np.array_equal(first.accuracies, second.accuracies):
        return False
    return np.array_equal(first.right, second.right)


def _over_images(first: _Side, second: _Side) -> Spread:
    """Variance of a difference of mean accuracies over other images, without what the trainings' noise puts in."""
    if first.shares is None or second.shares is None:
        return of_sum([first.binomial, second.binomial])
    images = len(first.shares)
    seen = float((second.shares - first.shares).var(ddof=1)) if images > 1 else 0.0
    return Spread(max(0.0, seen - (first.noise + second.noise)) / images, max(1, images - 1))
