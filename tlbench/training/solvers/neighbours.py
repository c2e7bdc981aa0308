"""Heads that train nothing: the nearest class mean, by distance or by angle, and the nearest training images.

All look at the raw features, as the papers do that they come from.
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
TEMPERATURE = 0.07


@dataclass(frozen=True)
class NearestMean:
    """The class whose mean is nearest, as a Dense layer.

    `euclidean`: by the distance of features x to the mean m of the class's features (T. Mensink et al., Distance-Based
    Image Classification, TPAMI 35, 2013). |x - m|^2 = |x|^2 - 2 (x.m - |m|^2 / 2), and |x|^2 is the same for every
    class: kernel m and bias -|m|^2 / 2 have the same softmax as -|x - m|^2 / 2, exactly.
    `cosine`: by the angle to the mean of the class's features of length 1 (S. Gidaris and N. Komodakis, Dynamic
    Few-Shot Visual Learning without Forgetting, CVPR 2018). Kernel m / |m| and bias 0 give |x| times the cosine: the
    same class for every image, exactly, with probabilities that are sharper for longer features.
    Both are multiplied by one factor, fitted on validation (`temperature.fit_factor`), which changes no image's class.
    """

    metric: Literal["euclidean", "cosine"] = "euclidean"

    def fixed(self, setting: float) -> "NearestMean":
        """As it is: the factor, which changes no image's class, is fitted and not chosen."""
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
    """The `count` nearest training images by cosine vote for their labels (N,); `directions` (N, D) have length 1.

    A vote weighs exp(cosine / 0.07) (Z. Wu et al., Unsupervised Feature Learning via Non-Parametric Instance
    Discrimination, CVPR 2018, section 3.4). A class's share of the weight counts as that share of `count` votes, and
    one more vote is divided among all classes, so that no class has probability 0.
    """

    directions: NDArray[np.float32]
    labels: Labels
    classes: int
    count: int

    def probabilities(self, features: Features) -> NDArray[np.float32]:
        """Class probabilities (n, C) for features (n, D)."""
        return self.for_counts(features, [self.count])[0].astype(np.float32)

    def for_counts(self, features: Features, counts: Sequence[int]) -> list[Float]:
        """The probabilities for each of several numbers of neighbours, from one search."""
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
    """The nearest training images; how many is chosen by validation loss, of equal ones the most.

    A number above the number of training images stands for all of them.
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
    """Places (n, count) of the largest values of each row (n, N), the largest first; of equal ones the first.

    Only those are sorted, not whole rows, which takes four times as long where there are thousands.
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
    """Vectors (n, D) brought to length 1; those of length 0 stay."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0))


def _class_means(examples: Examples, classes: int, *, of_directions: bool) -> Float:
    """The mean of each class (C, D), of its features or of their directions."""
    sums, members = np.zeros((classes, examples.features.shape[1])), np.eye(classes)[examples.labels]
    for rows, block in row_blocks(examples.features):
        sums += members[rows].T @ (_unit(block) if of_directions else block)
    return np.asarray(sums / members.sum(axis=0)[:, None])


def _distances(means: Float) -> tuple[Float, Float]:
    """Kernel and bias of -|x - m|^2 / 2 but for a term that all classes share.

    Means are taken from their own mean, which is such a term too: without it, float32 would lose digits to it.
    """
    middle = means.mean(axis=0)
    apart = means - middle
    return apart.T, -(apart @ middle) - (apart**2).sum(axis=1) / 2


def _angles(means: Float) -> tuple[Float, Float]:
    """Kernel and bias of |x| times the cosine."""
    return _unit(means).T, np.zeros(len(means))


def _dense(kernel: Float, bias: Float) -> DenseHead:
    return DenseHead(kernel.astype(np.float32), bias.astype(np.float32))


def _rate(head: DenseHead, examples: Examples) -> tuple[float, float]:
    return loss_and_accuracy(head.logits(examples.features).astype(np.float64), examples.labels)
