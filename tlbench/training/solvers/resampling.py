"""How much a solved head's accuracy depends on which images it was trained on."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from tlbench.training.solvers.arrays import Float, Labels, check_finite, loss_and_accuracy, one_thread
from tlbench.training.solvers.base import Examples, HeadSolver
from tlbench.training.solvers.linear import Linear

RESAMPLES = 20


@dataclass(frozen=True)
class Resampled:
    """Accuracies on validation and test images of heads that were solved on one resample of training images each.

    Their spread is what to look at. Their mean is not the accuracy of the head of all images: a resample has about 63 %
    of the images, some of them several times.
    """

    validation: tuple[float, ...]
    test: tuple[float, ...]


def resample(
    solver: Linear,
    train: Examples,
    validation: Examples,
    test: Examples,
    classes: int,
    l2: float,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Resampled:
    """Solve the head at the penalty `l2` for bootstrap resamples of the training images, stratified by class.

    Each class keeps its number of images, drawn with replacement (B. Efron and R. Tibshirani, An Introduction to the
    Bootstrap, 1993, chapter 6). A resample is a weight for each image, so that scaling and coordinates are those of all
    images, and each solution begins at that of all images. Raises ValueError as `solver.solve`.
    """
    check_finite(test.features, "test")
    with one_thread():
        coordinates, problem = solver.problem(train, validation, classes)
        everything = problem.minimise(l2, problem.origin())
        heads = []
        for drawn in draws(train.labels, resamples, seed):
            weights = problem.weights * drawn
            heads.append(replace(problem, weights=weights / weights.sum()).minimise(l2, everything))
        on_validation = coordinates.of(validation.features)
        on_test = coordinates.of(test.features)
        return Resampled(
            tuple(loss_and_accuracy(head.logits(on_validation), validation.labels)[1] for head in heads),
            tuple(loss_and_accuracy(head.logits(on_test), test.labels)[1] for head in heads),
        )


def resample_anew(
    solver: HeadSolver,
    train: Examples,
    validation: Examples,
    test: Examples,
    classes: int,
    setting: float,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Resampled:
    """As `resample`, for any solver: each resample is solved by itself, its scaling and coordinates included."""
    check_finite(test.features, "test")
    on_validation, on_test = list[float](), list[float]()
    for drawn in draws(train.labels, resamples, seed):
        rows = np.repeat(np.arange(len(train)), drawn.astype(int))
        head = solver.fixed(setting).solve(Examples(train.features[rows], train.labels[rows]), validation, classes).head
        for split, found in ((validation, on_validation), (test, on_test)):
            found.append(float((head.probabilities(split.features).argmax(axis=1) == split.labels).mean()))
    return Resampled(tuple(on_validation), tuple(on_test))


def draws(labels: Labels, resamples: int, seed: int) -> Iterator[Float]:
    """How often each image is drawn (N,), for each resample."""
    generator = np.random.default_rng(seed)
    members = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    for _ in range(resamples):
        chosen = np.concatenate([generator.choice(images, len(images)) for images in members])
        yield np.bincount(chosen, minlength=len(labels)).astype(np.float64)
