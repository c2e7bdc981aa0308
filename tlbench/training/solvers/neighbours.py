"""Nearest-neighbour classifiers: the nearest class mean, by distance or angle, and the nearest training images.

All of them use unscaled features, as in the papers they come from.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tlbench.training.solvers.arrays import (
    Features,
    Float,
    Labels,
    loss_and_accuracy,
    one_thread,
    row_blocks,
)
from tlbench.training.solvers.base import DenseHead, Examples, PathPoint, Solved, check, choose
from tlbench.training.solvers.temperature import fit_factor

COUNTS = (200, 100, 50, 20, 10, 5, 1)
"""Numbers of neighbours to try."""
TEMPERATURE = 0.07


@dataclass(frozen=True)
class NearestMean:
    """The class with the nearest mean, as a Dense layer.

    With ``euclidean``, by the distance of features x to the mean m of a class (T. Mensink et al., Distance-Based Image
    Classification, TPAMI 35, 2013). Since |x - m|^2 = |x|^2 - 2 (x.m - |m|^2 / 2), and |x|^2 is the same for every
    class, kernel m and bias -|m|^2 / 2 have exactly the same softmax as -|x - m|^2 / 2.

    With ``cosine``, by the angle to the mean of a class's normalized features (S. Gidaris and N. Komodakis, Dynamic
    Few-Shot Visual Learning without Forgetting, CVPR 2018). Kernel m / |m| and bias 0 give |x| times the cosine, hence
    exactly the same classes, with probabilities that are sharper for longer features.

    Scores are multiplied by a factor that is fitted on the validation split (`temperature.fit_factor`) and does not
    change the predicted classes.
    """

    metric: Literal["euclidean", "cosine"] = "euclidean"

    def fixed(self, setting: float) -> "NearestMean":
        """The solver itself: the factor is always fitted, and does not change the predicted classes."""
        del setting
        return self

    def solve(self, train: Examples, validation: Examples, classes: int) -> Solved:
        """The head; raises ValueError as `HeadSolver.solve`."""
        check(train, validation, classes)
        with one_thread():
            means = _class_means(train, classes, of_directions=self.metric == "cosine")
            kernel, bias = _angles(means) if self.metric == "cosine" else _distances(means)
            factor = fit_factor(_dense(kernel, bias).logits(validation.features).astype(np.float64), validation.labels)
            head = _dense(factor * kernel, factor * bias)
            point = PathPoint(factor, *_rate(head, train), *_rate(head, validation))
        return Solved(head, (point,), 0)


@dataclass(frozen=True)
class VotingHead:
    """A weighted vote of the nearest training images.

    A vote has the weight exp(cosine / 0.07) (Z. Wu et al., Unsupervised Feature Learning via Non-Parametric Instance
    Discrimination, CVPR 2018, section 3.4). Weights are scaled to a sum of `count`, and one more vote is divided among
    all classes, so that no class has probability 0.

    Attributes:
        directions: the normalized features of the training images (N, D).
        labels: their labels (N,).
        classes: the number of classes.
        count: the number of neighbours that vote.
    """

    directions: NDArray[np.float32]
    labels: Labels
    classes: int
    count: int

    def probabilities(self, features: Features) -> NDArray[np.float32]:
        """The class probabilities (n, C) of features (n, D)."""
        return self.for_counts(features, [self.count])[0].astype(np.float32)

    def for_counts(self, features: Features, counts: Sequence[int]) -> list[Float]:
        """The class probabilities for each of several numbers of neighbours, from a single search."""
        found: list[list[Float]] = [[] for _ in counts]
        with one_thread():
            for _, block in row_blocks(features, len(self.labels)):
                cosines = _unit(block).astype(np.float32) @ self.directions.T
                nearest = largest(cosines, max(counts))
                kept = np.take_along_axis(cosines, nearest, axis=1).astype(np.float64)
                weights = np.exp((kept - kept[:, :1]) / TEMPERATURE)
                for parts, count in zip(found, counts, strict=True):
                    parts.append(self._vote(weights[:, :count], self.labels[nearest[:, :count]]))
        return [np.concatenate(parts) for parts in found]

    def _vote(self, weights: Float, labels: Labels) -> Float:
        votes = np.zeros((len(weights), self.classes))
        np.add.at(votes, (np.arange(len(weights))[:, None], labels), weights)
        count = weights.shape[1]
        return np.asarray((count * votes / votes.sum(axis=1, keepdims=True) + 1 / self.classes) / (count + 1))


@dataclass(frozen=True)
class Neighbours:
    """The nearest training images. Their number is chosen by validation loss, the largest of equally good ones.

    Numbers above that of the training images stand for all of them.
    """

    counts: tuple[int, ...] = COUNTS

    def __post_init__(self) -> None:
        if not self.counts or min(self.counts) < 1:
            raise ValueError("neighbours: at least one number is needed, and each must be at least 1")

    def fixed(self, setting: float) -> "Neighbours":
        """As `HeadSolver.fixed`."""
        return replace(self, counts=(round(setting),))

    def solve(self, train: Examples, validation: Examples, classes: int) -> Solved:
        """The head; raises ValueError as `HeadSolver.solve`."""
        check(train, validation, classes)
        counts = sorted({min(count, len(train)) for count in self.counts}, reverse=True)
        directions = np.concatenate([_unit(block).astype(np.float32) for _, block in row_blocks(train.features)])
        voting = VotingHead(directions, train.labels, classes, counts[0])
        path = [
            PathPoint(count, None, None, *loss_and_accuracy(np.log(probabilities), validation.labels))
            for count, probabilities in zip(counts, voting.for_counts(validation.features, counts), strict=True)
        ]
        chosen = choose(path)
        return Solved(VotingHead(directions, train.labels, classes, counts[chosen]), tuple(path), chosen)


def largest(values: Features, count: int) -> NDArray[np.intp]:
    """The indices (n, count) of the largest values in each row (n, N), in descending order; of equal values the first.

    Only these are sorted: sorting whole rows takes four times as long if there are thousands of columns.
    """
    below = -values
    last = np.partition(below, count - 1, axis=1)[:, count - 1 : count]
    sure, level = below < last, below == last
    room = count - np.count_nonzero(sure, axis=1)
    for row in np.flatnonzero(np.count_nonzero(level, axis=1) > room):
        level[row, np.flatnonzero(level[row])[room[row] :]] = False
    found = np.nonzero(sure | level)[1].reshape(len(values), count)
    order = np.argsort(np.take_along_axis(below, found, axis=1), axis=1, kind="stable")
    return np.take_along_axis(found, order, axis=1)


def _unit(vectors: Float) -> Float:
    """Vectors (n, D) scaled to length 1, except those of length 0."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0))


def _class_means(examples: Examples, classes: int, *, of_directions: bool) -> Float:
    """The mean features of each class (C, D), or the mean of its normalized features."""
    sums, members = np.zeros((classes, examples.features.shape[1])), np.eye(classes)[examples.labels]
    for rows, block in row_blocks(examples.features):
        sums += members[rows].T @ (_unit(block) if of_directions else block)
    return np.asarray(sums / members.sum(axis=0)[:, None])


def _distances(means: Float) -> tuple[Float, Float]:
    """The kernel and bias that give -|x - m|^2 / 2 up to a term common to all classes.

    Means are centered first. This changes only that common term, which would cost digits in float32.
    """
    middle = means.mean(axis=0)
    apart = means - middle
    return apart.T, -(apart @ middle) - (apart**2).sum(axis=1) / 2


def _angles(means: Float) -> tuple[Float, Float]:
    """The kernel and bias that give |x| times the cosine."""
    return _unit(means).T, np.zeros(len(means))


def _dense(kernel: Float, bias: Float) -> DenseHead:
    return DenseHead(kernel.astype(np.float32), bias.astype(np.float32))


def _rate(head: DenseHead, examples: Examples) -> tuple[float, float]:
    return loss_and_accuracy(head.logits(examples.features).astype(np.float64), examples.labels)
