"""How long a head takes that is trained by steps, in NumPy and by Keras. Run with `make benchmark`."""

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

keras = pytest.importorskip("keras")

from tests import builders  # noqa: E402
from tlbench.strategies.base import Phase  # noqa: E402
from tlbench.training import dense_head  # noqa: E402
from tlbench.training.trainer import Trainer  # noqa: E402

pytestmark = [
    pytest.mark.benchmark,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # TensorFlow's own
]


@pytest.mark.parametrize("largest", [-1, dense_head.LARGEST], ids=["Keras", "NumPy"])
@pytest.mark.parametrize(("images", "features", "hidden"), [(400, 1280, 128), (3000, 512, 64)])
def test_a_hidden_head(
    benchmark: BenchmarkFixture,
    monkeypatch: pytest.MonkeyPatch,
    images: int,
    features: int,
    hidden: int,
    largest: int,
) -> None:
    monkeypatch.setattr(dense_head, "LARGEST", largest)
    draw = np.random.default_rng(0)
    split = [draw.normal(size=(images, features)).astype("float32")], draw.integers(0, 2, images).astype("int32")
    dense, dropout = keras.layers.Dense, keras.layers.Dropout(0.2)
    model = keras.Sequential([keras.Input((features,)), dense(hidden, "relu"), dropout, dense(2, "softmax")])
    cell, few = builders.cell(), ([split[0][0][:32]], split[1][:32])
    trainer = Trainer(model, cell, jit=False)
    phase = Phase(name="head", solver="gradient", frozen=0, epochs=10, learning_rate=1e-3)
    benchmark.pedantic(
        trainer.fit, (cell, phase, split, few, lambda epoch: None), rounds=5, warmup_rounds=1, iterations=1
    )
