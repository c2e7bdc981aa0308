"""Sums of weights and penalties on them, against NumPy."""

from typing import Any

import numpy as np
import pytest

from tlbench.training.weight_space import Weights, between, greedy_soup, interpolated, mean

keras = pytest.importorskip("keras")

from tlbench.training.pull import in_the_loss, pulls  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # TensorFlow's own


def point(*values: float) -> Weights:
    return [np.array([value], np.float32) for value in values]


def distance_from(*target: float) -> Any:
    """A stand-in for validation: the squared distance from a place in the space of weights."""
    return lambda weights: float(sum((one[0] - value) ** 2 for one, value in zip(weights, target, strict=True)))


def test_a_point_between_is_on_the_line_and_ends_are_exact() -> None:
    start, end = point(0.1, 2.0), point(0.3, -2.0)
    np.testing.assert_allclose(between(start, end, 0.25), [[0.15], [1.0]], rtol=1e-6)
    assert between(start, end, 0) is start
    assert between(start, end, 1.0) is end


def test_validation_chooses_the_point() -> None:
    found = interpolated(point(0, 0), point(1, 1), (0, 0.25, 0.5, 1), distance_from(0.3, 0.3))
    assert (found.chosen, found.settings[found.chosen]) == (1, 0.25)
    np.testing.assert_allclose(found.weights, [[0.25], [0.25]])
    assert interpolated(point(0), point(1), (0, 0.5, 1), lambda weights: 1.0).chosen == 0, "of equal ones the first"


def test_a_soup_takes_what_is_no_worse_and_leaves_the_rest() -> None:
    models = [point(1.0), point(-0.8), point(30.0), point(-0.2)]
    found = greedy_soup(models, distance_from(0.0))
    assert found.settings == (1, 2, 3, 3)
    assert found.chosen == 3, "1; then -0.8 with it; 30 would be worse; -0.2 joins, to a mean of 0"
    np.testing.assert_allclose(found.weights, [[0.0]], atol=1e-7)
    alone = greedy_soup([point(0.0), point(5.0)], distance_from(0.0))
    assert (alone.settings, alone.chosen) == ((1, 2), 0)
    np.testing.assert_array_equal(alone.weights, point(0.0))


def test_a_mean_keeps_shapes_and_kinds() -> None:
    (found,) = mean([[np.full((2, 3), value, np.float32)] for value in (1, 2, 6)])
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.full((2, 3), 3))


def test_the_step_of_l2_sp_is_that_of_numpy() -> None:
    """One step of gradient descent on a linear model, by hand."""
    keras.config.set_dtype_policy("float32")
    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(8, 4)), draw.normal(size=(8, 2))
    backbone, head = keras.layers.Dense(3, name="backbone"), keras.layers.Dense(2, use_bias=False, name="head")
    model = keras.Sequential([keras.Input((4,)), backbone, head])
    penalties = pulls(backbone.trainable_variables, head.trainable_variables, alpha=0.3, beta=0.7)
    first = [keras.ops.convert_to_numpy(one.value) for one in model.trainable_variables]
    moved = [one + draw.normal(size=one.shape).astype(np.float32) for one in first]
    model.set_weights(moved)
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse", jit_compile=False)
    with in_the_loss(penalties):
        loss = model.train_on_batch(x, y)
    w, b, v = (one.astype(np.float64) for one in moved)
    hidden = x @ w + b
    error = hidden @ v - y
    penalty = 0.15 * sum(((one - start) ** 2).sum() for one, start in zip((w, b), first[:2], strict=True))
    assert float(loss) == pytest.approx((error**2).mean() + penalty + 0.35 * (v**2).sum(), rel=1e-5)
    outer = 2 * error / error.size
    gradients = [
        x.T @ (outer @ v.T) + 0.3 * (w - first[0]),
        (outer @ v.T).sum(axis=0) + 0.3 * (b - first[1]),
        hidden.T @ outer + 0.7 * v,
    ]
    for variable, old, gradient in zip(model.trainable_variables, (w, b, v), gradients, strict=True):
        np.testing.assert_allclose(keras.ops.convert_to_numpy(variable.value), old - 0.1 * gradient, rtol=1e-4)
