"""The spread over choices of training images."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from tests.training.solvers.drawn import examples
from tlbench.training.solvers.base import Examples
from tlbench.training.solvers.linear import Linear
from tlbench.training.solvers.registry import SOLVERS
from tlbench.training.solvers.resampling import draws, resample, resample_anew


def test_each_class_keeps_its_number_of_images() -> None:
    labels = examples(90, 5, 3).labels
    drawn = list(draws(labels, 20, seed=0))
    assert len({tuple(counts) for counts in drawn}) == 20
    for counts in drawn:
        for label in range(3):
            assert counts[labels == label].sum() == (labels == label).sum()
    share = np.mean([(counts > 0).mean() for counts in drawn])
    assert share == pytest.approx(1 - 1 / np.e, abs=0.03)


@pytest.mark.parametrize("width", [20, 200])
def test_a_resample_is_the_head_of_images_drawn_several_times(width: int) -> None:
    """scikit-learn on the drawn images themselves, scaled as all images are."""
    train, validation = examples(80, width, 3), examples(300, width, 3, seed=1)
    features = train.features.astype(np.float64)
    mean, deviation = features.mean(axis=0), np.sqrt(features.var(axis=0).mean())
    expected = []
    for counts in draws(train.labels, 4, seed=0):
        chosen = np.repeat(np.arange(80), counts.astype(int))
        model = LogisticRegression(C=1 / (80 * 0.1), tol=1e-8, max_iter=10_000)
        model.fit((features[chosen] - mean) / deviation, train.labels[chosen])
        expected.append(model.score((validation.features - mean) / deviation, validation.labels))
    resampled = resample(Linear(), train, validation, validation, 3, l2=0.1, resamples=4)
    np.testing.assert_allclose(resampled, expected, atol=1 / 300)


def test_fewer_training_images_spread_more_and_the_same_seed_gives_the_same() -> None:
    validation, test = examples(50, 30, 3, seed=1), examples(1000, 30, 3, seed=2)
    spreads = {}
    for images in (15, 1500):
        train = examples(images, 30, 3)
        resampled = resample(Linear(), train, validation, test, 3, l2=0.1)
        assert len(resampled) == 20
        assert resampled == resample(Linear(), train, validation, test, 3, l2=0.1)
        spreads[images] = np.std(resampled)
    assert spreads[15] > 2 * spreads[1500] > 0


def test_one_image_a_class_leaves_no_choice() -> None:
    train, test = examples(3, 10, 3), examples(30, 10, 3, seed=1)
    assert len(set(resample(Linear(), train, test, test, 3, l2=0.1))) == 1


def test_test_features_that_are_not_finite_are_refused() -> None:
    train = examples(30, 10, 3)
    broken = Examples(train.features.copy(), train.labels)
    broken.features[0] = np.nan
    with pytest.raises(ValueError, match="1 of 30 test images are not finite"):
        resample(Linear(), train, train, broken, 3, l2=0.1)


@pytest.mark.parametrize("name", sorted(set(SOLVERS) - {"linear"}))
def test_other_heads_are_solved_anew_for_each_resample(name: str) -> None:
    train, validation = examples(80, 20, 3, apart=2), examples(200, 20, 3, seed=1, apart=6)
    test, solver = examples(300, 20, 3, seed=2, apart=2), SOLVERS[name]()
    setting = solver.solve(train, validation, 3).setting
    resampled = resample_anew(solver, train, validation, test, 3, setting, resamples=3)
    drawn = np.repeat(np.arange(80), next(draws(train.labels, 1, seed=0)).astype(int))
    head = solver.fixed(setting).solve(Examples(train.features[drawn], train.labels[drawn]), validation, 3).head
    assert resampled[0] == (head.probabilities(test.features).argmax(axis=1) == test.labels).mean()
    assert len(set(resampled)) > 1
    assert len(resampled) == 3
