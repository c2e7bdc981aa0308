"""The solved linear head against scikit-learn, and where features are awkward."""

from pathlib import Path

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from tests.narrow import present
from tests.training.solvers.drawn import examples
from tests.training.solvers.narrow import dense
from tlbench.training.batches import Arrays
from tlbench.training.head import solve_head
from tlbench.training.solvers import softmax
from tlbench.training.solvers.arrays import Labels
from tlbench.training.solvers.base import Examples
from tlbench.training.solvers.coordinates import Scaling, decompose, fit_scaler
from tlbench.training.solvers.linear import PATIENCE, Linear


def scaled(fitted: Examples, features: NDArray[np.float32], scaling: Scaling) -> NDArray[np.float64]:
    """Scaled by NumPy alone, whatever the solver does."""
    wide = fitted.features.astype(np.float64)
    deviation = wide.std(axis=0)
    if scaling == "common":
        deviation = np.sqrt((deviation**2).mean())
    return np.asarray((features.astype(np.float64) - wide.mean(axis=0)) / deviation)


def objective(
    features: NDArray[np.float64],
    labels: Labels,
    kernel: NDArray[np.float64],
    bias: NDArray[np.float64],
    l2: float,
    weights: NDArray[np.float64] | None = None,
) -> float:
    logits = features @ kernel + bias
    normaliser = np.logaddexp.reduce(logits, axis=1)
    losses = normaliser - logits[np.arange(len(labels)), labels]
    return float(np.average(losses, weights=weights) + l2 / 2 * (kernel**2).sum())


def scikit_learn(
    features: NDArray[np.float64], labels: Labels, l2: float, weights: NDArray[np.float64] | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Kernel (D, C) and bias (C,) of LogisticRegression's optimum; its one unit for two classes made into two."""
    two = labels.max() == 1
    total = len(labels) if weights is None else weights.sum()
    model = LogisticRegression(C=(2 if two else 1) / (total * l2), tol=1e-8, max_iter=20_000)
    model.fit(features, labels, sample_weight=weights)
    if two:
        half = model.coef_[0] / 2
        return np.stack([-half, half], axis=1), np.array([-1, 1]) * model.intercept_[0] / 2
    return model.coef_.T, model.intercept_


def on_scaled(
    train: Examples, scaling: Scaling, kernel: NDArray[np.float32], bias: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A kernel and a bias on raw features as those on scaled features."""
    wide = train.features.astype(np.float64)
    deviation = wide.std(axis=0)
    if scaling == "common":
        deviation = np.full_like(deviation, np.sqrt((deviation**2).mean()))
    return kernel * deviation[:, None], bias + wide.mean(axis=0) @ kernel.astype(np.float64)


@pytest.mark.parametrize("scaling", ["common", "each"])
@pytest.mark.parametrize("l2", [1.0, 1e-2, 1e-4])
@pytest.mark.parametrize(
    ("images", "width", "classes"), [(300, 20, 4), (120, 20, 2), (60, 200, 3), (40, 300, 2), (50, 49, 3)]
)
def test_the_optimum_is_scikit_learns(images: int, width: int, classes: int, l2: float, scaling: Scaling) -> None:
    train = examples(images, width, classes)
    solved = Linear(penalties=(l2,), scaling=scaling).solve(train, examples(50, width, classes, seed=1), classes)
    features = scaled(train, train.features, scaling)
    own = objective(features, train.labels, *on_scaled(train, scaling, dense(solved).kernel, dense(solved).bias), l2)
    theirs = objective(features, train.labels, *scikit_learn(features, train.labels, l2), l2)
    assert own == pytest.approx(theirs, abs=1e-5)
    assert solved.path[0].converged


def test_class_weights_are_scikit_learns() -> None:
    train, weights = examples(200, 30, 3), (1.0, 5.0, 0.5)
    solver = Linear(penalties=(0.01,), class_weights=weights)
    head = dense(solver.solve(train, examples(50, 30, 3, seed=1), 3))
    features, each = scaled(train, train.features, "common"), np.array(weights)[train.labels]
    own = objective(features, train.labels, *on_scaled(train, "common", head.kernel, head.bias), 0.01, each)
    theirs = objective(features, train.labels, *scikit_learn(features, train.labels, 0.01, each), 0.01, each)
    assert own == pytest.approx(theirs, abs=1e-5)
    plain = Linear(penalties=(0.01,)).solve(train, train, 3).head
    favoured = [int((one.probabilities(train.features).argmax(1) == 1).sum()) for one in (head, plain)]
    assert favoured[0] > favoured[1]


def test_a_point_of_the_path_is_the_solution_for_its_penalty_alone() -> None:
    train, validation = examples(150, 40, 3), examples(60, 40, 3, seed=1)
    path = Linear().solve(train, validation, 3).path
    for point in path[::3]:
        alone = Linear(penalties=(point.setting,)).solve(train, validation, 3).path[0]
        assert alone.loss == pytest.approx(point.loss, abs=1e-4)
        assert alone.val_loss == pytest.approx(point.val_loss, abs=1e-3)


def test_the_path_runs_from_the_strongest_penalty_until_validation_stops_improving() -> None:
    solved = Linear().solve(examples(60, 40, 3), examples(200, 40, 3, seed=1), 3)
    settings_, losses = [point.setting for point in solved.path], [point.val_loss for point in solved.path]
    assert settings_ == sorted(settings_, reverse=True)
    assert solved.chosen == int(np.argmin(losses))
    assert len(solved.path) == solved.chosen + 1 + PATIENCE
    assert [point.loss for point in solved.path] == sorted((present(point.loss) for point in solved.path), reverse=True)


def test_of_equal_validation_losses_the_strongest_penalty_is_chosen() -> None:
    """Features that say nothing: whatever the penalty, all classes are equally probable."""
    dead = Examples(np.ones((6, 4), np.float32), np.arange(6, dtype=np.int32) % 3)
    solved = Linear(penalties=(0.1, 10.0, 1.0)).solve(dead, dead, 3)
    assert solved.setting == 10.0
    np.testing.assert_allclose(solved.head.probabilities(dead.features), 1 / 3, atol=1e-4)


@pytest.mark.parametrize("scaling", ["common", "each"])
@pytest.mark.parametrize(("images", "width"), [(80, 30), (30, 80)])
def test_scaling_is_folded_into_the_kernel_exactly(images: int, width: int, scaling: Scaling) -> None:
    train, other = examples(images, width, 3), examples(25, width, 3, seed=2)
    coordinates, problem = Linear(scaling=scaling).problem(train, other, 3)
    minimum = problem.minimise(0.01, problem.origin())
    kernel, bias = coordinates.fold(minimum.coefficients, minimum.bias)
    inside = minimum.logits(coordinates.of(other.features))
    np.testing.assert_allclose(other.features.astype(np.float64) @ kernel + bias, inside, rtol=0, atol=1e-9)


def test_principal_coordinates_keep_the_distances_of_scaled_features() -> None:
    for images, width in [(50, 20), (20, 50)]:
        train = examples(images, width, 2)
        features = fit_scaler(train.features, "each")(train.features)
        coordinates = decompose(train.features, "each").train
        np.testing.assert_allclose(coordinates @ coordinates.T, features @ features.T, atol=1e-9)


def test_the_head_is_an_ordinary_keras_layer() -> None:
    train = examples(100, 30, 4)
    head = dense(Linear().solve(train, examples(50, 30, 4, seed=1), 4))
    layer = keras.layers.Dense(4, activation="softmax")
    layer.build((None, 30))
    layer.set_weights([head.kernel, head.bias])
    given_by_keras = keras.ops.convert_to_numpy(layer(train.features))
    np.testing.assert_allclose(given_by_keras, head.probabilities(train.features), atol=1e-5)


def test_two_classes_fold_into_one_sigmoid_unit() -> None:
    train = examples(100, 30, 2)
    head = dense(Linear().solve(train, examples(50, 30, 2, seed=1), 2))
    single = head.single_unit()
    assert single.kernel.shape == (30, 1)
    np.testing.assert_allclose(single.probabilities(train.features), head.probabilities(train.features), atol=1e-5)
    layer = keras.layers.Dense(1, activation="sigmoid")
    layer.build((None, 30))
    layer.set_weights([single.kernel, single.bias])
    unit = keras.ops.convert_to_numpy(layer(train.features))[:, 0]
    np.testing.assert_allclose(unit, head.probabilities(train.features)[:, 1], atol=1e-5)
    with pytest.raises(ValueError, match="softmax over 2 classes"):
        dense(Linear(penalties=(1.0,)).solve(examples(9, 4, 3), examples(9, 4, 3), 3)).single_unit()


def test_classes_that_can_be_told_apart_converge_at_the_weakest_penalty() -> None:
    train = examples(60, 30, 3, apart=20)
    solved = Linear().solve(train, train, 3)
    assert solved.setting == min(Linear().penalties)
    assert all(point.converged for point in solved.path)
    assert solved.path[-1].accuracy == 1.0
    assert np.isfinite(dense(solved).kernel).all()


def test_a_head_that_was_not_solved_to_the_end_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    train = examples(100, 30, 3)
    given: Arrays = ([train.features], train.labels.astype(np.int32))
    solver = Linear(penalties=(1e-4,))
    assert solve_head(solver, given, given, 3, "softmax").tried[0].converged
    monkeypatch.setattr(softmax, "MOST_ITERATIONS", 1)
    assert not solve_head(solver, given, given, 3, "softmax").tried[0].converged


def test_one_image_a_class_is_enough() -> None:
    train = examples(5, 40, 5, apart=10)
    solved = Linear().solve(train, examples(100, 40, 5, seed=3, apart=10), 5)
    assert solved.path[solved.chosen].val_accuracy > 0.9


@pytest.mark.parametrize("scaling", ["common", "each"])
@pytest.mark.parametrize("images", [20, 80])
def test_constant_features_get_no_weight_and_change_nothing(images: int, scaling: Scaling) -> None:
    def with_constants(plain: Examples) -> Examples:
        rounding = np.float32(1000) + np.float32(6e-5) * (np.arange(len(plain)) % 2)[:, None]
        columns = [plain.features, np.zeros((len(plain), 1)), np.full((len(plain), 1), 7), rounding]
        return Examples(np.concatenate(columns, axis=1).astype(np.float32), plain.labels)

    train, validation = examples(images, 30, 3), examples(60, 30, 3, seed=1)
    plain = Linear(scaling=scaling).solve(train, validation, 3)
    constant = Linear(scaling=scaling).solve(with_constants(train), with_constants(validation), 3)
    np.testing.assert_array_equal(dense(constant).kernel[30:], 0)
    np.testing.assert_allclose(dense(constant).kernel[:30], dense(plain).kernel, atol=1e-4)


def test_wide_features_give_the_head_of_the_same_features_without_padding() -> None:
    """25,088 features, as a flattened 7 x 7 x 512, of which 40 say something."""
    narrow, other = examples(60, 40, 3), examples(60, 40, 3, seed=1)
    places = np.random.default_rng(0).choice(25_088, 40, replace=False)

    def spread(plain: Examples) -> Examples:
        features = np.zeros((len(plain), 25_088), np.float32)
        features[:, places] = plain.features
        return Examples(features, plain.labels)

    wide = Linear().solve(spread(narrow), spread(other), 3)
    plain = Linear().solve(narrow, other, 3)
    assert wide.setting == plain.setting
    assert dense(wide).kernel.shape == (25_088, 3)
    np.testing.assert_allclose(dense(wide).kernel[places], dense(plain).kernel, atol=1e-4)


def test_memory_mapped_features_give_the_same_bits(tmp_path: Path) -> None:
    for images, width in [(90, 30), (30, 90)]:
        splits = examples(images, width, 3), examples(40, width, 3, seed=1)
        mapped = []
        for number, split in enumerate(splits):
            file = np.memmap(tmp_path / f"{width}-{number}", np.float32, "w+", shape=split.features.shape)
            file[:] = split.features
            file.flush()
            reopened = np.memmap(tmp_path / f"{width}-{number}", np.float32, "r", shape=split.features.shape)
            mapped.append(Examples(reopened, split.labels))
        plain, from_disk = Linear().solve(*splits, 3), Linear().solve(mapped[0], mapped[1], 3)
        assert type(dense(from_disk).kernel) is np.ndarray
        np.testing.assert_array_equal(dense(plain).kernel, dense(from_disk).kernel)
        assert plain.path == from_disk.path


def test_the_same_bits_again_whatever_the_number_of_threads() -> None:
    train, validation = examples(400, 200, 5), examples(100, 200, 5, seed=1)
    first = Linear().solve(train, validation, 5)
    with threadpool_limits(2):
        second = Linear().solve(train, validation, 5)
    np.testing.assert_array_equal(dense(first).kernel, dense(second).kernel)
    np.testing.assert_array_equal(dense(first).bias, dense(second).bias)
    assert first.path == second.path


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("broken", [0, 1])
@pytest.mark.parametrize("width", [10, 60])
def test_features_that_are_not_finite_are_refused(width: int, broken: int, value: float) -> None:
    splits = examples(30, width, 3), examples(30, width, 3, seed=1)
    splits[broken].features[[4, 9], 2] = value
    name = ["training", "validation"][broken]
    with pytest.raises(ValueError, match=f"2 of 30 {name} images are not finite"):
        Linear().solve(*splits, 3)


def test_what_does_not_fit_together_is_refused_in_one_sentence() -> None:
    train = examples(30, 10, 3)
    with pytest.raises(ValueError, match="class number 3 has no training image"):
        Linear().solve(train, train, 4)
    with pytest.raises(ValueError, match="labels of training images go from 0 to 2; they must lie between 0 and 1"):
        Linear().solve(train, train, 2)
    with pytest.raises(ValueError, match="10 and 12 features"):
        Linear().solve(train, examples(30, 12, 3), 3)
    with pytest.raises(ValueError, match="3 classes need 3 weights"):
        Linear(class_weights=(1.0, 2.0)).solve(train, train, 3)
    with pytest.raises(ValueError, match="above 0"):
        Linear(penalties=(1.0, 0.0))
    with pytest.raises(ValueError, match="shapes"):
        Examples(train.features, train.labels[:-1])
    with pytest.raises(ValueError, match="at least one image"):
        Examples(train.features[:0], train.labels[:0])


@settings(max_examples=25, deadline=None)
@given(
    scaling=st.sampled_from(["common", "each"]),
    images=st.integers(12, 60),
    width=st.integers(1, 60),
    factor=st.floats(1e-3, 1e3),
    offset=st.floats(-10, 10),
)
def test_units_of_the_features_do_not_matter(
    scaling: Scaling, images: int, width: int, factor: float, offset: float
) -> None:
    train, validation = examples(images, width, 3), examples(40, width, 3, seed=1)

    def changed(plain: Examples) -> Examples:
        return Examples((factor * (plain.features.astype(np.float64) + offset)).astype(np.float32), plain.labels)

    plain = Linear(penalties=(0.1,), scaling=scaling).solve(train, validation, 3)
    other = Linear(penalties=(0.1,), scaling=scaling).solve(changed(train), changed(validation), 3)
    assert other.path[0].loss == pytest.approx(plain.path[0].loss, abs=1e-4)
    assert other.path[0].val_loss == pytest.approx(plain.path[0].val_loss, abs=1e-2)


@settings(max_examples=15, deadline=None)
@given(order=st.permutations(range(4)))
def test_classes_can_be_renamed(order: list[int]) -> None:
    train = examples(60, 20, 4)
    renamed = Examples(train.features, np.array(order)[train.labels])
    plain = Linear(penalties=(0.1,)).solve(train, train, 4).head.probabilities(train.features)
    other = Linear(penalties=(0.1,)).solve(renamed, renamed, 4).head.probabilities(train.features)
    np.testing.assert_allclose(other[:, order], plain, atol=1e-3)
