"""Initial weights whose values do not matter are drawn by NumPy where JAX would compile for each shape.

`make backends` repeats this with JAX and with torch.
"""

import sys

import keras
import numpy as np
import pytest

from tlbench.modeling.initial_weights import any_initial_weights

KINDS = {"he_normal": 2.0, "glorot_uniform": 1.0, "lecun_normal": 1.0}
"""The variance times the mean of fan-in and fan-out, here equal, by initializer."""


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_they_are_distributed_as_keras_asks_and_differ(kind: str) -> None:
    with any_initial_weights():
        first, second = (keras.layers.Dense(300, kernel_initializer=kind) for _ in range(2))
        first.build((None, 300))
        second.build((None, 300))
    values = [layer.get_weights()[0] for layer in (first, second)]
    assert not np.array_equal(*values)
    for one in values:
        assert one.dtype == np.float32
        assert abs(float(one.mean())) < 0.001
        assert float(one.var()) * 300 == pytest.approx(KINDS[kind], rel=0.03)


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="the other backends draw as ever")
def test_jax_compiles_nothing_for_them_and_draws_itself_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []
    jax = sys.modules["jax"]
    kept = jax.random.truncated_normal

    def noted(*args: object, **named: object) -> object:
        drawn.append("truncated_normal")
        return kept(*args, **named)

    monkeypatch.setattr(jax.random, "truncated_normal", noted)
    with any_initial_weights():
        keras.layers.Dense(4, kernel_initializer="he_normal").build((None, 4))
    assert not drawn
    with pytest.raises(ZeroDivisionError), any_initial_weights():
        raise ZeroDivisionError
    keras.layers.Dense(4, kernel_initializer="he_normal").build((None, 4))
    assert drawn == ["truncated_normal"]
