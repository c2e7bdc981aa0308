"""Heads that train nothing, against scikit-learn and the formulas they stand for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid

from tests.training.solvers.drawn import examples
from tests.training.solvers.narrow import dense
from tlbench.training.solvers.base import Examples
from tlbench.training.solvers.neighbours import TEMPERATURE, NearestMean, Neighbours, VotingHead, largest


@settings(max_examples=20, deadline=None)
@given(images=st.integers(30, 80), width=st.integers(2, 50), seed=st.integers(0, 99))
def test_the_nearest_mean_is_scikit_learns_nearest_centroid(images: int, width: int, seed: int) -> None:
    train, test = examples(images, width, 4, seed=seed), examples(50, width, 4, seed=seed + 100)
    theirs = NearestCentroid().fit(train.features.astype(np.float64), train.labels)
    predicted = NearestMean().solve(train, test, 4).head.probabilities(test.features).argmax(1)
    distances = np.linalg.norm(test.features[:, None].astype(np.float64) - theirs.centroids_, axis=2)
    nearest, second = np.sort(distances, axis=1)[:, :2].T
    clear = second - nearest > 1e-4  # float32 cannot tell those nearer to each other
    np.testing.assert_array_equal(predicted[clear], theirs.predict(test.features.astype(np.float64))[clear])


def test_probabilities_of_the_nearest_mean_are_the_softmax_of_squared_distances() -> None:
    train, test = examples(60, 20, 3), examples(40, 20, 3, seed=1)
    solved = NearestMean().solve(train, test, 3)
    means = np.stack([train.features[train.labels == label].mean(0, dtype=np.float64) for label in range(3)])
    squared = ((test.features[:, None].astype(np.float64) - means) ** 2).sum(2)
    expected = np.exp(-solved.setting * squared / 2)
    expected /= expected.sum(1, keepdims=True)
    np.testing.assert_allclose(solved.head.probabilities(test.features), expected, atol=1e-4)


def test_the_dense_layer_of_cosines_gives_the_class_of_the_largest_cosine() -> None:
    train, test = examples(60, 20, 3), examples(80, 20, 3, seed=1)
    directions = train.features / np.linalg.norm(train.features, axis=1, keepdims=True)
    means = np.stack([directions[train.labels == label].mean(0) for label in range(3)])
    solved = NearestMean(metric="cosine").solve(train, test, 3)
    predicted = solved.head.probabilities(test.features).argmax(1)
    np.testing.assert_array_equal(predicted, cosine_similarity(test.features, means).argmax(1))
    np.testing.assert_array_equal(dense(solved).bias, 0)


@pytest.mark.parametrize("count", [1, 7, 50])
def test_votes_are_scikit_learns_weighted_neighbours(count: int) -> None:
    train, test = examples(50, 20, 4), examples(60, 20, 4, seed=1)
    theirs = KNeighborsClassifier(count, metric="cosine", weights=lambda far: np.exp((1 - far) / TEMPERATURE))
    expected = theirs.fit(train.features, train.labels).predict_proba(test.features)
    head = Neighbours(counts=(count,)).solve(train, test, 4).head
    np.testing.assert_allclose(head.probabilities(test.features), (count * expected + 1 / 4) / (count + 1), atol=1e-4)


@pytest.mark.parametrize("count", [1, 3, 39, 40])
@pytest.mark.parametrize("different", [2, 5, 10**6])
def test_the_nearest_are_those_of_whole_rows_in_order_however_many_are_equally_near(count: int, different: int) -> None:
    values = np.random.default_rng(count).integers(-different, different, (50, 40)).astype(np.float32) / different
    np.testing.assert_array_equal(largest(values, count), np.argsort(-values, axis=1, kind="stable")[:, :count])


def test_the_number_of_neighbours_is_chosen_on_validation() -> None:
    train, validation = examples(60, 20, 3), examples(60, 20, 3, seed=1)
    solved = Neighbours().solve(train, validation, 3)
    assert [point.setting for point in solved.path] == [60, 50, 20, 10, 5, 1]
    assert solved.path[solved.chosen].val_loss == min(point.val_loss for point in solved.path)
    assert isinstance(solved.head, VotingHead)
    assert solved.head.count == solved.setting
    for point in solved.path:
        alone = Neighbours(counts=(int(point.setting),)).solve(train, validation, 3)
        assert alone.path == (point,)
        right = alone.head.probabilities(validation.features).argmax(1) == validation.labels
        assert point.val_accuracy == pytest.approx(right.mean())


def test_a_picture_without_features_gets_some_probability_for_every_class() -> None:
    train = examples(30, 10, 3)
    dark = np.zeros((2, 10), np.float32)
    for solver in (Neighbours(), NearestMean(), NearestMean(metric="cosine")):
        probabilities = solver.solve(train, train, 3).head.probabilities(dark)
        assert np.isfinite(probabilities).all()
        np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)


@pytest.mark.parametrize("solver", [Neighbours(), NearestMean(), NearestMean(metric="cosine")])
def test_one_image_a_class_and_what_is_refused(solver: Neighbours | NearestMean) -> None:
    train, validation = examples(4, 30, 4, apart=20), examples(40, 30, 4, seed=1, apart=20)
    assert solver.solve(train, validation, 4).path[-1].val_accuracy == 1.0
    with pytest.raises(ValueError, match="class number 4 has no training image"):
        solver.solve(train, validation, 5)
    broken = Examples(validation.features.copy(), validation.labels)
    broken.features[0, 0] = np.inf
    with pytest.raises(ValueError, match="1 of 40 validation images are not finite"):
        solver.solve(train, broken, 4)


def test_a_number_of_neighbours_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Neighbours(counts=(5, 0))
