"""Ridge heads against the closed form and scikit-learn."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import Ridge as TheirRidge

from tests.training.solvers.drawn import examples
from tests.training.solvers.narrow import dense
from tlbench.training.solvers.arrays import loss_and_accuracy
from tlbench.training.solvers.base import Examples
from tlbench.training.solvers.ridge import Ridge
from tlbench.training.solvers.temperature import fit_factor


def closed_form(train: Examples, classes: int, l2: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Kernel and bias on raw features: (X'X / N + l2)^-1 X'Y / N on centred features over one common deviation."""
    features = train.features.astype(np.float64)
    mean, deviation = features.mean(axis=0), np.sqrt(features.var(axis=0).mean())
    scaled, targets = (features - mean) / deviation, np.eye(classes)[train.labels]
    count, width = scaled.shape
    kernel = np.linalg.solve(scaled.T @ scaled / count + l2 * np.eye(width), scaled.T @ targets / count) / deviation
    return kernel, targets.mean(axis=0) - mean @ kernel


@pytest.mark.parametrize("l2", [10.0, 0.1, 1e-3])
@pytest.mark.parametrize(("images", "width"), [(200, 30), (40, 120)])
def test_scores_are_those_of_the_closed_form_but_for_their_factor(images: int, width: int, l2: float) -> None:
    train, validation = examples(images, width, 4), examples(60, width, 4, seed=1)
    kernel, bias = closed_form(train, 4, l2)
    factor = fit_factor(validation.features @ kernel + bias, validation.labels)
    head = dense(Ridge(penalties=(l2,)).solve(train, validation, 4))
    np.testing.assert_allclose(head.kernel, factor * kernel, rtol=2e-3, atol=1e-5 * factor)
    np.testing.assert_allclose(head.bias, factor * bias, rtol=2e-3, atol=1e-4 * factor)


def test_classes_are_scikit_learns() -> None:
    train, validation = examples(150, 40, 3), examples(80, 40, 3, seed=1)
    features = train.features.astype(np.float64)
    mean, deviation = features.mean(axis=0), features.std(axis=0)
    model = TheirRidge(alpha=0.5 * len(train)).fit((features - mean) / deviation, np.eye(3)[train.labels])
    head = Ridge(penalties=(0.5,), scaling="each").solve(train, validation, 3).head
    theirs = model.predict((validation.features - mean) / deviation)
    np.testing.assert_array_equal(head.probabilities(validation.features).argmax(1), theirs.argmax(1))


def test_each_point_of_the_path_is_the_solution_for_its_penalty_alone() -> None:
    train, validation = examples(60, 40, 3), examples(60, 40, 3, seed=1)
    solved = Ridge().solve(train, validation, 3)
    assert len(solved.path) == len(Ridge().penalties)
    assert solved.path[solved.chosen].val_loss == min(point.val_loss for point in solved.path)
    for point in solved.path[::4]:
        assert Ridge(penalties=(point.setting,)).solve(train, validation, 3).path[0] == point


def test_the_factor_is_the_best_one_for_validation() -> None:
    validation = examples(100, 20, 3)
    scores = np.random.default_rng(0).normal(size=(100, 3)) + np.eye(3)[validation.labels]
    factor = fit_factor(scores, validation.labels)
    best = loss_and_accuracy(factor * scores, validation.labels)[0]
    for other in (0.98, 1.02):
        assert best < loss_and_accuracy(other * factor * scores, validation.labels)[0]


def test_validation_images_that_are_all_told_apart_give_a_bounded_factor() -> None:
    labels = np.arange(12) % 3
    factor = fit_factor(np.eye(3)[labels] * 0.001, labels)
    assert loss_and_accuracy(factor * np.eye(3)[labels] * 0.001, labels)[0] > 0
    assert fit_factor(np.zeros((12, 3)), labels) == 1.0


def test_the_same_bits_again_and_what_is_not_finite_is_refused() -> None:
    train, validation = examples(50, 60, 3), examples(50, 60, 3, seed=1)
    first, second = Ridge().solve(train, validation, 3), Ridge().solve(train, validation, 3)
    np.testing.assert_array_equal(dense(first).kernel, dense(second).kernel)
    train.features[3, 3] = np.nan
    with pytest.raises(ValueError, match="1 of 50 training images are not finite"):
        Ridge().solve(train, validation, 3)
    with pytest.raises(ValueError, match="above 0"):
        Ridge(penalties=())
