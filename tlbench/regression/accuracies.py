"""Is a model less accurate? From right and wrong answers to evidence. Pure; docs/methodology.md says why.

Effects have their sign turned, base less new, so that more is worse as for times.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tlbench.regression.entries import Entry, unpack
from tlbench.regression.verdicts import Evidence
from tlbench.statistics.paired import Z, paired_interval, sign_flip, two_proportions, two_samples

LEVEL = 0.05
"""Chance of any false alarm over a suite's accuracies, effects beyond the gate apart."""
LUCK = 0.05
"""How far single trainings of the same code are taken to lie apart by chance: the same seed with other kernels, which
only round differently, moved fine-tuned cells by up to 3.4 points (docs/methodology.md)."""
ONE_TRAINING = "one training a side was tested, and one training is one draw"
SEEDS_VARY = "seeds of one side differ as much"


@dataclass(frozen=True)
class Shown:
    """Mean accuracies of both sides, and how they were compared."""

    base: float
    new: float
    method: str
    evidence: Evidence


def compare(couples: Sequence[tuple[Entry, Entry]], gate: float) -> Shown:
    """Compare cells that differ in nothing but the seed, as one block; each couple is (base, new) of one seed.

    On the same images with answers kept: the sign-flip test, which is McNemar's exact test for one seed. Else the two
    proportions of the first seed. Raises ValueError where an entry has no accuracy.
    """
    trained = couples[0][1].cell.train is not None
    right = [answers(base, new) for base, new in couples]
    if all(one is not None for one in right):
        return paired([one for one in right if one is not None], gate, trained=trained)
    base, new = couples[0]
    if base.correct is None or base.images is None or new.correct is None or new.images is None:
        raise ValueError(f"{base.cell.label} has no accuracy")
    low, high, p = two_proportions((base.correct, base.images), (new.correct, new.images))
    share, other = base.correct / base.images, new.correct / new.images
    decide = "keep the predictions of both runs: answers to the same images tell more than counts do"
    lucky = luck([share], [other]) if trained else ""
    return Shown(share, other, "two proportions", Evidence(share - other, -high, -low, p, gate, lucky, decide))


def answers(base: Entry, new: Entry) -> tuple[np.ndarray, np.ndarray] | None:
    """Right and wrong answers of both (N,), where both were kept and are of the same number of images."""
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


def paired(right: Sequence[tuple[np.ndarray, np.ndarray]], gate: float, *, trained: bool = True) -> Shown:
    """Compare right and wrong answers (N,) of base and new to the same images, a pair for each seed.

    `trained`: whether the models were trained, so that luck had its part.
    """
    lost = np.sum([base.astype(int) - new.astype(int) for base, new in right], axis=0)
    before, after = ([float(one[side].mean()) for one in right] for side in (0, 1))
    share, other = float(np.mean(before)), float(np.mean(after))
    alike = all(np.array_equal(base, new) for base, new in right)  # nothing changed, however few the images
    low, high = (0.0, 0.0) if alike else paired_interval(lost / len(right))
    effect = share - other
    lucky, p = luck(before, after) if trained else "", sign_flip(lost)
    needed = _images_needed(lost / len(right), effect, gate)
    decide = "more seeds" if lucky and p < LEVEL else f"about {needed} test images, or more seeds"
    method = "McNemar" if len(right) == 1 else "sign flips"
    return Shown(share, other, method, Evidence(effect, low, high, p, gate, lucky, decide))


def _images_needed(lost: np.ndarray, effect: float, gate: float) -> int:
    """Test images with which an interval so wide would decide."""
    deviation = math.sqrt(float((lost**2).sum() + 1) / (len(lost) + 2))
    distance = max(abs(abs(effect) - gate), gate / 4)
    return math.ceil((Z * deviation / distance) ** 2 / 100) * 100
