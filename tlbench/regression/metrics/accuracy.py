"""Is a model less accurate? From right and wrong answers to evidence. Pure; docs/methodology.md says why.

Effects of evidence have their sign turned, base less new, so that more is worse as for times.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tlbench.core.cell import Cell
from tlbench.regression.entries import Entry, unpack
from tlbench.regression.matching import other_stand_ins
from tlbench.regression.metrics.base import Finding, Followed, Metric, Pair
from tlbench.regression.verdicts import Evidence
from tlbench.statistics.paired import Z, paired_interval, sign_flip, two_proportions, two_samples

NAME = "accuracy"
LEVEL = 0.05
"""Chance of any false alarm over a suite's accuracies, effects beyond the gate apart."""
LUCK = 0.05
"""How far single trainings of the same code are taken to lie apart by chance: the same seed with other kernels, which
only round differently, moved fine-tuned cells by up to 3.4 points (docs/methodology.md)."""
ONE_TRAINING = "one training a side was tested, and one training is one draw"
SEEDS_VARY = "seeds of one side differ as much"
Answers = NDArray[np.bool_]
"""For each test image (N,), whether it was predicted right."""


class AccuracyMetric(Metric):
    """Top-1 accuracy on the test set, of all seeds of a cell together."""

    name = "accuracy"
    summary = "top-1 accuracy on the test set, all seeds of a cell together"
    scale = "points"
    better = "more"
    gate = 0.02
    level = LEVEL

    def block(self, cell: Cell) -> str:
        """Cells that differ in nothing but the seed."""
        return cell.model_copy(update={"seed": 0}).canonical()

    def compare(self, pairs: Sequence[Pair], gate: float, tests: int) -> Iterator[Finding]:
        """One number, the mean over the seeds that have an accuracy on both sides."""
        pairs = [(base, new) for base, new in pairs if base.images and new.images]
        if not pairs:
            return
        cell, seeds = pairs[0][1].cell, len(pairs)
        reason = next(filter(None, (why_not_accuracy(base, new) for base, new in pairs)), "")
        if reason:
            yield Finding(cell, NAME, reason=reason, seeds=seeds)
            return
        means = evidence(pairs, gate)
        yield Finding(
            cell, NAME, base=means.base, new=means.new, evidence=means.evidence, reason=means.method, seeds=seeds
        )

    def followed(self, entry: Entry) -> Iterator[Followed]:
        """Per cent of the test images."""
        if entry.images and entry.correct is not None:
            yield Followed(NAME, "%", 100 * entry.correct / entry.images)

    def written(self, value: float) -> str:
        """``93.0%``."""
        return f"{value:.1%}"


def why_not_accuracy(base: Entry, new: Entry) -> str:
    """Why two accuracies cannot be compared; empty where they can."""
    reason = other_stand_ins(base, new)
    if reason:
        return reason
    if base.data != new.data:
        return "trained and tested on other images"
    if base.weights != new.weights:
        return "started from other weights"
    if base.cell.recipe != new.cell.recipe:
        return f"trained by another recipe (edition {base.cell.recipe} in the base, {new.cell.recipe} now)"
    if base.cell.train != new.cell.train or base.cell.limit != new.cell.limit:
        return "trained in another way"
    return ""


@dataclass(frozen=True)
class Means:
    """Mean accuracies of both sides, and how they were compared."""

    base: float
    new: float
    method: str
    evidence: Evidence


def evidence(pairs: Sequence[Pair], gate: float) -> Means:
    """Compare cells that differ in nothing but the seed, as one block; each pair is of one seed.

    On the same images with answers kept: the sign-flip test, which is McNemar's exact test for one seed. Else the two
    proportions of the first seed. Raises ValueError where an entry has no accuracy.
    """
    trained = pairs[0][1].cell.train is not None
    kept = [answers(base, new) for base, new in pairs]
    both = [each for each in kept if each is not None]
    if len(both) == len(pairs):
        return of_answers(both, gate, trained=trained)
    base, new = pairs[0]
    if base.correct is None or base.images is None or new.correct is None or new.images is None:
        raise ValueError(f"{base.cell.label} has no accuracy")
    low, high, p = two_proportions((base.correct, base.images), (new.correct, new.images))
    base_share, new_share = base.correct / base.images, new.correct / new.images
    decide = "keep the predictions of both runs: answers to the same images tell more than counts do"
    lucky = luck([base_share], [new_share]) if trained else ""
    known = Evidence(base_share - new_share, -high, -low, p, gate, lucky, decide)
    return Means(base_share, new_share, "two proportions", known)


def answers(base: Entry, new: Entry) -> tuple[Answers, Answers] | None:
    """Right and wrong answers of both, where both were kept and are of the same number of images."""
    if base.right is None or new.right is None or base.images is None or base.images != new.images:
        return None
    return unpack(base.right, base.images), unpack(new.right, base.images)


def luck(base: Sequence[float], new: Sequence[float]) -> str:
    """Why a difference of accuracies, one a seed, may be the luck of training; empty where it cannot.

    A test on images knows nothing of that luck: trained again, all of an image's answers may change.
    """
    if len(base) == 1:
        return ONE_TRAINING if abs(base[0] - new[0]) < LUCK else ""
    return SEEDS_VARY if two_samples(base, new) >= LEVEL else ""


def of_answers(seeds: Sequence[tuple[Answers, Answers]], gate: float, *, trained: bool = True) -> Means:
    """Compare answers of base and new to the same images, a pair for each seed.

    `trained`: whether the models were trained, so that luck had its part.
    """
    lost = np.sum([base.astype(int) - new.astype(int) for base, new in seeds], axis=0)
    base_shares = [float(base.mean()) for base, _ in seeds]
    new_shares = [float(new.mean()) for _, new in seeds]
    base_mean, new_mean = float(np.mean(base_shares)), float(np.mean(new_shares))
    alike = all(np.array_equal(base, new) for base, new in seeds)  # nothing changed, however few the images
    low, high = (0.0, 0.0) if alike else paired_interval(lost / len(seeds))
    effect = base_mean - new_mean
    lucky, p = luck(base_shares, new_shares) if trained else "", sign_flip(lost)
    needed = images_needed(lost / len(seeds), effect, gate)
    decide = "more seeds" if lucky and p < LEVEL else f"about {needed} test images, or more seeds"
    method = "McNemar" if len(seeds) == 1 else "sign flips"
    return Means(base_mean, new_mean, method, Evidence(effect, low, high, p, gate, lucky, decide))


def images_needed(lost: NDArray[np.floating], effect: float, gate: float) -> int:
    """Test images with which an interval so wide would decide; `lost` (N,) are the differences of each image."""
    deviation = math.sqrt(float((lost**2).sum() + 1) / (len(lost) + 2))
    distance = max(abs(abs(effect) - gate), gate / 4)
    return math.ceil((Z * deviation / distance) ** 2 / 100) * 100
