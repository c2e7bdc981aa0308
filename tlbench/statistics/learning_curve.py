"""A learning curve in three numbers: where it starts, how fast it rises, where it ends. Pure.

Source: L. Torrey and J. Shavlik, Transfer Learning, in Handbook of Research on Machine Learning Applications (2010),
chapter 11, figure 1: transfer may give a higher start, a higher slope and a higher asymptote. The figure gives no
formulas; those are here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tlbench.statistics.finite import finite

WINDOW = 3
FEWEST_EPOCHS = 2 * WINDOW
SHARE = 0.9


@dataclass(frozen=True)
class LearningCurve:
    """Three numbers of a curve of accuracies (shares of 1) by epoch.

    start: after the first epoch. asymptote: the highest mean of `WINDOW` epochs in a row. slope: a share of 1 an epoch,
    from the start until the curve has gone `SHARE` of the way to the asymptote; 0 where it does not rise, None where
    there is no curve. rising: the last epochs are the highest, so that more of them may go higher.
    """

    start: float
    slope: float | None
    asymptote: float
    rising: bool


def of_epochs(accuracies: Sequence[float]) -> LearningCurve:
    """From the accuracy after each epoch, the first one first.

    Where the curve crosses `SHARE` of the way between two epochs, the place is interpolated linearly. Raises ValueError
    for fewer than `FEWEST_EPOCHS` epochs, of which a plateau cannot be told, and where a number is not finite.
    """
    curve = finite(accuracies, "accuracies")
    if len(curve) < FEWEST_EPOCHS:
        raise ValueError(f"{len(curve)} epochs: at least {FEWEST_EPOCHS} are needed to tell a plateau")
    means = np.convolve(curve, np.full(WINDOW, 1 / WINDOW), mode="valid")
    start, asymptote = float(curve[0]), float(means.max())
    rising = bool(means[-1] == means.max() and asymptote > start)
    if asymptote <= start:
        return LearningCurve(start, 0.0, asymptote, rising)
    aim = start + SHARE * (asymptote - start)
    there = int(np.argmax(curve >= aim))
    epochs = there - 1 + (aim - curve[there - 1]) / (curve[there] - curve[there - 1])
    return LearningCurve(start, float((aim - start) / epochs), asymptote, rising)


def flat(accuracy: float) -> LearningCurve:
    """Of what is there without an epoch of training, as a solved head is. Raises ValueError where it is not finite."""
    there = float(finite(accuracy, "accuracy"))
    return LearningCurve(there, None, there, False)
