"""Describe a learning curve by three numbers: start, slope and asymptote. Pure.

Source: L. Torrey and J. Shavlik, Transfer Learning, in Handbook of Research on Machine Learning Applications (2010),
chapter 11, figure 1: transfer may give a higher start, a higher slope and a higher asymptote. The figure gives no
formulas; the definitions are in `LearningCurve`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tlbench.statistics.finite import finite

WINDOW = 3
FEWEST_EPOCHS = 2 * WINDOW
SHARE = 0.9
ROUNDING = 1e-9
"""The means of equal accuracies may differ by less."""


@dataclass(frozen=True)
class LearningCurve:
    """The numbers of a curve of accuracies by epoch.

    Attributes:
        start: the accuracy after the first epoch.
        slope: the mean increase per epoch until the curve has covered `SHARE` of the distance to the asymptote; 0 if it
            does not rise, None if there is no curve.
        asymptote: the highest mean over `WINDOW` consecutive epochs.
        rising: whether the last epochs are higher than all before, so that more epochs might go higher.
    """

    start: float
    slope: float | None
    asymptote: float
    rising: bool


def of_epochs(accuracies: Sequence[float]) -> LearningCurve:
    """The numbers of a curve, from the accuracy after each epoch. Crossings between epochs are interpolated linearly.

    Raises:
        ValueError: there are fewer than `FEWEST_EPOCHS` epochs, too few to recognize a plateau, or a number is not
            finite.
    """
    curve = finite(accuracies, "accuracies")
    if len(curve) < FEWEST_EPOCHS:
        raise ValueError(f"{len(curve)} epochs: at least {FEWEST_EPOCHS} are needed to tell a plateau")
    means = np.convolve(curve, np.full(WINDOW, 1 / WINDOW), mode="valid")
    start, asymptote = float(curve[0]), float(means.max())
    rising = bool(means[-1] > means[:-1].max() + ROUNDING and asymptote > start)
    if asymptote <= start:
        return LearningCurve(start, 0.0, asymptote, rising)
    aim = start + SHARE * (asymptote - start)
    there = int(np.argmax(curve >= aim))
    epochs = there - 1 + (aim - curve[there - 1]) / (curve[there] - curve[there - 1])
    return LearningCurve(start, float((aim - start) / epochs), asymptote, rising)


def flat(accuracy: float) -> LearningCurve:
    """The curve of a solved head, which takes no epochs. Raises ValueError if the accuracy is not finite."""
    there = float(finite(accuracy, "accuracy"))
    return LearningCurve(there, None, there, False)
