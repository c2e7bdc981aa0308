"""Accuracies of several trainings: differences that the luck of training cannot explain. Pure.

One training is one draw. Its luck (the seed's head, the order of batches, rounding) moves many images at once, so that
no number of test images can tell it from a better recipe; only other trainings can.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
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

    accuracies: (seeds,), shares of 1. images: how many. right: (images, seeds), 1 where a training predicted an image
    right, else 0; None where the answers were not kept. resampled: of a training without luck (a solved head has one
    solution, and no seed), how much its accuracy varies over resamples of its training images; else None.
    """

    accuracies: Numbers
    images: int
    right: Numbers | None = None
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
    answers = finite(right, "answers")
    if answers.ndim != 2 or not answers.size or not ((answers == 0) | (answers == 1)).all():
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
    return [
        None
        if not (trainings[first].judged and trainings[second].judged)
        else _compared(trainings[first], trainings[second], of_sum([of_means[first], of_means[second]], most), images)
        for first, second in couples
    ]


def _of_mean(own: Spread, prior: Spread, seeds: int) -> Spread:
    """Variance of a mean accuracy over other seeds."""
    likely = shrunk(own, prior)
    return Spread(likely.variance / seeds, likely.freedom)


def _compared(first: Trainings, second: Trainings, seeds: Spread, images: Images) -> Shift:
    means = float(first.accuracies.mean()), float(second.accuracies.mean())
    kept = first.right is not None and second.right is not None
    if (kept or images == "fixed") and first.images != second.images:
        raise ValueError(f"{first.images} and {second.images} test images: the same images are needed")
    if _alike(first, second):  # nothing changed, however much seeds may vary
        return Shift(0.0, 0.0, 0.0, 1.0)
    if images == "fixed":
        return difference(*means, seeds)
    if first.right is None or second.right is None:
        binomial = [
            Spread(mean * (1 - mean) / each.images, max(1, each.images - 1))
            for mean, each in zip(means, (first, second), strict=True)
        ]
        return difference(*means, both(seeds, of_sum(binomial)))
    return difference(*means, both(seeds, _over_images(first.right, second.right)))


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
    """Whether all answers are equal, seed by seed."""
    return first.right is not None and second.right is not None and np.array_equal(first.right, second.right)


def _over_images(first: Numbers, second: Numbers) -> Spread:
    """Variance of a difference of mean accuracies over other images, without what the trainings' noise puts in."""
    images = len(first)
    seen = float((second.mean(axis=1) - first.mean(axis=1)).var(ddof=1)) if images > 1 else 0.0
    varied = [side for side in (first, second) if side.shape[1] > 1]  # a training without luck puts in no noise
    noise = sum(float(side.var(axis=1, ddof=1).mean()) / side.shape[1] for side in varied)
    return Spread(max(0.0, seen - noise) / images, max(1, images - 1))
