"""Models are compiled so that TensorFlow traces their step once: each trace of a large one takes seconds."""

from typing import Any

import numpy as np
import pytest

from tlbench.strategies.base import RELATIVE_TO_ADAM

keras = pytest.importorskip("keras")

from tests.training.fitting import cell_with  # noqa: E402
from tlbench.training.batches import Batches  # noqa: E402
from tlbench.training.compiling import compile_model, compile_to_train, optimizer_of  # noqa: E402
from tlbench.training.mixing import BatchChange  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # TensorFlow's own


@pytest.mark.parametrize("compiled", [compile_model, compile_to_train])
@pytest.mark.parametrize("settings", [{}, {"label_smoothing": 0.1}, {"mixup": 0.4}], ids=str)
@pytest.mark.parametrize("output", ["softmax", "sigmoid"])
def test_a_step_is_traced_once_and_says_its_accuracy(
    compiled: Any, output: str, settings: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    keras.config.set_dtype_policy("float32")
    cell, units, traced = cell_with(output, **settings), 1 if output == "sigmoid" else 2, list[object]()
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(units, activation=output)])
    step = model.train_step

    def counted(data: object) -> Any:
        traced.append(data)
        return step(data)

    monkeypatch.setattr(model, "train_step", counted)
    compiled(model, cell, False)
    change = BatchChange(cell.training, units) if compiled is compile_to_train else None
    images, labels = np.random.default_rng(0).normal(size=(8, 4)).astype("float32"), np.arange(8, dtype=np.int32) % 2
    history = model.fit(Batches([images], labels, 4, seed=0, change=change), epochs=2, shuffle=False, verbose=0).history
    assert len(traced) == 1
    assert set(history) == {"loss", "accuracy"}
    assert all(0 <= value <= 1 for value in history["accuracy"])


@pytest.mark.parametrize("name", sorted(RELATIVE_TO_ADAM))
def test_a_weight_decay_of_0_is_none_whatever_the_optimizer_does_by_itself(name: str) -> None:
    """AdamW decays by 0.004 unless it is told another number, and takes no None."""
    optimizer = optimizer_of(cell_with(optimizer=name, weight_decay=0.0).training)
    weights = keras.Variable(np.full((2, 2), 3.0, "float32"))
    optimizer.build([weights])
    optimizer.apply([keras.ops.zeros((2, 2))], [weights])
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(weights.value), np.full((2, 2), 3.0))
