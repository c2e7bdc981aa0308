"""One update for all variables: the same weights as an update for each, bit for bit."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from tlbench.training import one_update as module  # noqa: E402
from tlbench.training.compiling import spared  # noqa: E402
from tlbench.training.one_update import BY_ELEMENT, one_update  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # TensorFlow's own


@pytest.fixture(autouse=True)
def _small_counts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    keras.config.set_dtype_policy("float32")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("only TensorFlow traces an update for each variable")
    monkeypatch.setattr(module, "FEWEST", 2)
    yield
    keras.config.set_dtype_policy("float32")


def model() -> Any:
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(5, activation="relu"), keras.layers.BatchNormalization(), keras.layers.Dense(3)]
    return keras.Sequential([keras.Input((4,)), *layers])


def train(optimizer: Any, made: Any) -> list[np.ndarray]:
    made.compile(optimizer=optimizer, loss="mse", jit_compile=False)
    made.optimizer.build(made.trainable_variables)
    if hasattr(made.optimizer, "gather"):
        made.optimizer.gather()
    draw = np.random.default_rng(0)
    for _ in range(5):
        made.train_on_batch(draw.normal(size=(8, 4)), draw.normal(size=(8, 3)))
    return [keras.ops.convert_to_numpy(weight.value) for weight in made.weights]


@pytest.mark.parametrize("name", BY_ELEMENT)
def test_weights_are_the_same_as_with_an_update_for_each(name: str) -> None:
    plain, flat = model(), model()
    made = one_update(keras.optimizers.get({"class_name": name, "config": {"learning_rate": 0.01}}), flat)
    expected = train(keras.optimizers.get({"class_name": name, "config": {"learning_rate": 0.01}}), plain)
    found = train(made, flat)
    assert type(made).__name__ == "Flat"
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-7)


def test_weights_decay_alike() -> None:
    plain, flat = model(), model()
    found = train(one_update(keras.optimizers.AdamW(0.01, weight_decay=0.1), flat), flat)
    for one, other in zip(found, train(keras.optimizers.AdamW(0.01, weight_decay=0.1), plain), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-7)


def test_an_optimizer_that_looks_at_whole_variables_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    lamb, adam = keras.optimizers.Lamb(0.01), keras.optimizers.Adam(0.01)
    assert one_update(lamb, model()) is lamb
    monkeypatch.setattr(module, "LARGEST", 10)
    assert one_update(adam, model()) is adam


def test_a_kernel_with_a_constraint_keeps_it() -> None:
    """As a saved model may have one."""
    keras.utils.set_random_seed(0)
    bound = keras.layers.Dense(3, kernel_constraint=keras.constraints.MaxNorm(0.5))
    made = keras.Sequential([keras.Input((4,)), keras.layers.Dense(5), bound])
    train(one_update(keras.optimizers.SGD(0.1), made), made)
    lengths = np.linalg.norm(keras.ops.convert_to_numpy(bound.kernel.value), axis=0)
    assert lengths.max() <= 0.5 + 1e-6


def test_the_optimizers_variables_are_its_own() -> None:
    made = model()
    optimizer = one_update(keras.optimizers.Adam(0.01), made)
    optimizer.build(made.trainable_variables)
    assert len(optimizer.variables) == 5  # iterations, rate, the copy of the weights, momentum, velocity
    assert [one.name for one in optimizer.copies] == ["all_variables"]


def test_where_the_loss_is_scaled_keras_own_updates_stay() -> None:
    keras.config.set_dtype_policy("mixed_float16")
    adam = keras.optimizers.Adam(0.01)
    assert one_update(adam, model()) is adam


@pytest.mark.parametrize("name", ["Adam", "AdamW", "SGD"])
def test_decay_spares_biases_and_scales_joined_or_not(name: str) -> None:
    plain, flat = model(), model()

    def optimizer() -> Any:
        return keras.optimizers.get({"class_name": name, "config": {"learning_rate": 0.01, "weight_decay": 0.5}})

    alone = optimizer()
    alone.exclude_from_weight_decay(var_list=[one for one in plain.trainable_variables if spared(one)])
    made = one_update(optimizer(), flat, spared)
    assert type(made).__name__ == "Flat"
    for one, other in zip(train(made, flat), train(alone, plain), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-7)


def test_a_share_of_one_variable_alone_is_no_special_case() -> None:
    """A linear head has one kernel that decays and one bias that does not."""

    def linear() -> Any:
        keras.utils.set_random_seed(0)
        return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])

    plain, flat = linear(), linear()
    alone = keras.optimizers.Adam(0.01, weight_decay=0.5)
    alone.exclude_from_weight_decay(var_list=[one for one in plain.trainable_variables if spared(one)])
    made = one_update(keras.optimizers.Adam(0.01, weight_decay=0.5), flat, spared)
    for one, other in zip(train(made, flat), train(alone, plain), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("joined", [True, False])
def test_decay_is_the_product_of_rate_and_decay_on_kernels_alone(joined: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a gradient nothing else moves: each kernel shrinks by 1 - 0.1 * 0.5 a step, in NumPy."""
    monkeypatch.setattr(module, "FEWEST", 2 if joined else 10**9)
    made = model()
    optimizer = one_update(keras.optimizers.Adam(0.1, weight_decay=0.5), made, spared)
    optimizer.build(made.trainable_variables)
    first = [keras.ops.convert_to_numpy(one.value) for one in made.trainable_variables]
    if joined:
        optimizer.gather()
    for _ in range(3):
        optimizer.apply([keras.ops.zeros(one.shape) for one in first], made.trainable_variables)
    for variable, start in zip(made.trainable_variables, first, strict=True):
        factor = 0.95**3 if start.ndim > 1 else 1.0
        np.testing.assert_allclose(keras.ops.convert_to_numpy(variable.value), start * factor, rtol=1e-6)


@pytest.mark.parametrize("joined", [True, False])
def test_averages_are_those_of_numpy(joined: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FEWEST", 2 if joined else 10**9)
    made = model()
    optimizer = one_update(keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.8), made)
    optimizer.build(made.trainable_variables)
    now = [keras.ops.convert_to_numpy(one.value).astype(float) for one in made.trainable_variables]
    if joined:
        optimizer.gather()
    draw, averages = np.random.default_rng(1), [np.zeros(1)] * len(now)
    for step in range(4):
        gradients = [draw.normal(size=one.shape) for one in now]
        optimizer.apply([keras.ops.convert_to_tensor(one, "float32") for one in gradients], made.trainable_variables)
        now = [one - 0.1 * gradient for one, gradient in zip(now, gradients, strict=True)]
        kept = 0.8 if step else 0.0
        averages = [kept * mean + (1 - kept) * one for mean, one in zip(averages, now, strict=True)]
    optimizer.finalize_variable_values(made.trainable_variables)
    for variable, mean in zip(made.trainable_variables, averages, strict=True):
        np.testing.assert_allclose(keras.ops.convert_to_numpy(variable.value), mean, rtol=1e-4, atol=1e-6)
