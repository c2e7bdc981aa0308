"""How much a solved head's accuracy depends on which images it was trained on."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from tlbench.training.solvers.arrays import Float, Labels, check_finite, loss_and_accuracy, one_thread
from tlbench.training.solvers.base import Examples, HeadSolver
from tlbench.training.solvers.linear import Linear

RESAMPLES = 20


def resample(
    solver: Linear,
    train: Examples,
    validation: Examples,
    test: Examples,
    classes: int,
    l2: float,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[float, ...]:
    """Test accuracies of heads at the penalty `l2`, each solved on a bootstrap resample of the training images.

    Their spread is what to look at. Their mean is not the accuracy of the head of all images: a resample has about 63 %
    of the images, some of them several times.

    Resamples are stratified: each class keeps its number of images, drawn with replacement (B. Efron and R. Tibshirani,
    An Introduction to the Bootstrap, 1993, chapter 6). A resample is a weight for each image, so that scaling and
    coordinates are those of all images, and each solution begins at that of all images. Raises ValueError as
    `solver.solve`.
    """
    check_finite(test.features, "test")
    with one_thread():
        coordinates, problem = solver.problem(train, validation, classes)
        everything = problem.minimise(l2, problem.origin())
        heads = []
        for drawn in draws(train.labels, resamples, seed):
            weights = problem.weights * drawn
            heads.append(replace(problem, weights=weights / weights.sum()).minimise(l2, everything))
        on_test = coordinates.of(test.features)
        return tuple(loss_and_accuracy(head.logits(on_test), test.labels)[1] for head in heads)


def resample_anew(
    solver: HeadSolver,
    train: Examples,
    validation: Examples,
    test: Examples,
    classes: int,
    setting: float,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[float, ...]:
    """As `resample`, for any solver: each resample is solved by itself, its scaling and coordinates included."""
    check_finite(test.features, "test")
    accuracies = []
    for drawn in draws(train.labels, resamples, seed):
        rows = np.repeat(np.arange(len(train)), drawn.astype(int))
        head = solver.fixed(setting).solve(Examples(train.features[rows], train.labels[rows]), validation, classes).head
        accuracies.append(float((head.probabilities(test.features).argmax(axis=1) == test.labels).mean()))
    return tuple(accuracies)


def draws(labels: Labels, resamples: int, seed: int) -> Iterator[Float]:
    """How often each image is drawn (N,), for each resample."""
    generator = np.random.default_rng(seed)
    members = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    for _ in range(resamples):
        chosen = np.concatenate([generator.choice(images, len(images)) for images in members])
        yield np.bincount(chosen, minlength=len(labels)).astype(np.float64)
