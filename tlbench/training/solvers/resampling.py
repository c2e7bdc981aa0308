"""Estimate by the bootstrap how much the accuracy of a solved head depends on its training images."""

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
    """Test accuracies of heads with the penalty `l2`, each solved on a bootstrap resample of the training images.

    Use their spread, not their mean: a resample has only about 63 % of the images, some of them several times, so the
    mean is not the accuracy of a head on all images.

    Resamples are stratified by class (B. Efron and R. Tibshirani, An Introduction to the Bootstrap, 1993, chapter 6).
    They are represented by weights of the images, so that all share one scaling and one set of coordinates, and each
    solution starts at that of all images.

    Raises:
        ValueError: as `solver.solve`.
    """
    check_finite(test.features, "test")
    with one_thread():
        coordinates, problem = solver.problem(train, validation, classes)
        on_all_images = problem.minimise(l2, problem.origin())
        heads = []
        for drawn in draws(train.labels, resamples, seed):
            weights = problem.weights * drawn
            heads.append(replace(problem, weights=weights / weights.sum()).minimise(l2, on_all_images))
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
    """As `resample` for any solver: each resample is solved from the beginning, including its scaling."""
    check_finite(test.features, "test")
    accuracies = []
    for drawn in draws(train.labels, resamples, seed):
        rows = np.repeat(np.arange(len(train)), drawn.astype(int))
        head = solver.fixed(setting).solve(Examples(train.features[rows], train.labels[rows]), validation, classes).head
        accuracies.append(float((head.probabilities(test.features).argmax(axis=1) == test.labels).mean()))
    return tuple(accuracies)


def draws(labels: Labels, resamples: int, seed: int) -> Iterator[Float]:
    """For each resample, how often each image is drawn (N,)."""
    generator = np.random.default_rng(seed)
    members = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    for _ in range(resamples):
        chosen = np.concatenate([generator.choice(images, len(images)) for images in members])
        yield np.bincount(chosen, minlength=len(labels)).astype(np.float64)
