"""Each variable is stepped at its own rate, one by one and as one."""

from typing import Any

import pytest

keras = pytest.importorskip("keras")
import numpy as np  # noqa: E402

from tlbench.training import one_update as flat  # noqa: E402
from tlbench.training.compiling import spared  # noqa: E402
from tlbench.training.rates import with_multiples  # noqa: E402


def model() -> Any:
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), keras.layers.Dense(2)])


pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # TensorFlow's own


@pytest.fixture(autouse=True)
def _float32() -> None:
    keras.config.set_dtype_policy("float32")


def moved(optimizer: Any, of: Any) -> list[np.ndarray]:
    optimizer.build(of.trainable_variables)
    before = [keras.ops.convert_to_numpy(one.value) for one in of.trainable_variables]
    gradients = [keras.ops.ones_like(one.value) for one in of.trainable_variables]
    optimizer.apply(gradients, of.trainable_variables)
    after = [keras.ops.convert_to_numpy(one.value) for one in of.trainable_variables]
    return [one - old for one, old in zip(after, before, strict=True)]


MULTIPLES = (0.1, 0.5, 1.0, 4.0)


@pytest.mark.parametrize("kind", ["SGD", "Adam", "AdamW", "Nadam", "RMSprop"])
@pytest.mark.parametrize("as_one", [False, True])
def test_a_step_is_its_multiple_of_the_plain_one(kind: str, as_one: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flat, "FEWEST", 1)
    make = getattr(keras.optimizers, kind)
    off = {"weight_decay": 0.0} if kind == "AdamW" else {}
    plain = moved(make(0.01, **off), model())
    other = model()
    if as_one:
        optimizer = flat.one_update(make(0.01, **off), other, spared, MULTIPLES)
        assert type(optimizer).__name__ == ("Flat" if keras.backend.backend() == "tensorflow" else "AtMultiples")
    else:
        optimizer = with_multiples(make(0.01, **off), MULTIPLES)
    for step, before, times in zip(moved(optimizer, other), plain, MULTIPLES, strict=True):
        np.testing.assert_allclose(step, before * times, rtol=1e-4, atol=1e-7)


def test_without_multiples_an_optimizer_stays_what_it_is() -> None:
    optimizer = keras.optimizers.Adam(0.1)
    assert with_multiples(optimizer, ()) is optimizer
