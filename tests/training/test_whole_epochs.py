"""Steps that TensorFlow takes an epoch at a time end with the very weights of steps that Keras calls one by one."""

from typing import Any

import numpy as np
import pytest

keras = pytest.importorskip("keras")
pytest.importorskip("tensorflow")

from tests.training.fitting import cell_with, fit, phase, points  # noqa: E402
from tlbench.core.training import EarlyStopping, ReduceLROnPlateau  # noqa: E402
from tlbench.training import trainer as trainers  # noqa: E402
from tlbench.training import whole_epochs as feeding  # noqa: E402
from tlbench.training.batches import Batches  # noqa: E402
from tlbench.training.callbacks import Watch  # noqa: E402
from tlbench.training.trainer import Trainer  # noqa: E402

pytestmark = [
    pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="other backends take steps one by one"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # TensorFlow's own
]
TRAIN = points(90)
(FEATURES,), LABELS = TRAIN
EPOCHS = 10
BATCH = 8
"""12 batches an epoch, the last of which has 2 images."""
HEAD = phase(name="head", epochs=EPOCHS, learning_rate=0.01)


def head(precision: str = "float32") -> Any:
    keras.config.set_dtype_policy(precision)
    keras.utils.set_random_seed(0)
    layers = keras.layers
    return keras.Sequential(
        [keras.Input((3,)), layers.Dense(4, "relu"), layers.Dropout(0.5), layers.Dense(2, "softmax")]
    )


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of steps of all calls of the training function."""
    found = list[int]()

    class Counting(Watch):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            found.append(batch - self._first + 1)
            super().on_train_batch_end(batch, logs)

    monkeypatch.setattr(trainers, "Watch", Counting)
    return found


def views(epoch: int) -> Any:
    return [FEATURES + np.float32(epoch)]


@pytest.mark.parametrize("train", [TRAIN, (views, LABELS)], ids=["images", "views"])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"class_weight": "balanced"},
        {"weight_decay": 0.1},
        {"early_stopping": EarlyStopping(patience=1)},
        {"reduce_lr": ReduceLROnPlateau(patience=1)},
    ],
)
def test_weights_and_history_are_those_of_single_steps(
    settings: dict[str, Any], train: Any, calls: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    cell, models = cell_with(batch_size=BATCH, **settings), (head(), head())
    at_once = fit(Trainer(models[0], cell, jit=False), cell, HEAD, train, TRAIN)
    assert set(calls) == {12}
    monkeypatch.setattr(feeding, "FEWEST", 1000)
    calls.clear()
    single = fit(Trainer(models[1], cell, jit=False), cell, HEAD, train, TRAIN)
    assert set(calls) == {1}
    assert len(at_once.history) > 1
    for one, other in zip(models[0].get_weights(), models[1].get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    compared = ("loss", "accuracy", "val_loss", "val_accuracy", "learning_rate")
    for mine, theirs in zip(at_once.history, single.history, strict=True):
        assert [getattr(mine, name) for name in compared] == [getattr(theirs, name) for name in compared]


@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
def test_weights_are_those_of_single_steps_in_other_precisions(precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In float16 Keras scales the loss, and skips steps whose gradients are not finite."""
    cell, weights, losses = cell_with(batch_size=BATCH), list[Any](), list[list[float]]()
    try:
        for fewest in (0, 1000):
            monkeypatch.setattr(feeding, "FEWEST", fewest)
            model = head(precision)
            losses.append([epoch.loss for epoch in fit(Trainer(model, cell, jit=False), cell, HEAD, TRAIN).history])
            weights.append(model.get_weights())
    finally:
        keras.config.set_dtype_policy("float32")
    assert losses[0] == losses[1]
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_next_cell_of_a_group_may_need_single_steps(calls: list[int]) -> None:
    """A rate that rises has to be set before each step, and a few steps do not pay for tracing."""
    cell, model = cell_with(batch_size=BATCH), head()
    trainer = Trainer(model, cell, jit=False)
    first = model.get_weights()
    for of, steps in (
        (HEAD, 12),
        (HEAD.model_copy(update={"warmup": 0.5}), 1),
        (HEAD.model_copy(update={"epochs": 2}), 1),
        (HEAD, 12),
    ):
        model.set_weights(first)
        calls.clear()
        last = fit(trainer, cell, of, TRAIN)
        assert (set(calls), len(last.history)) == ({steps}, of.epochs)
    model.set_weights(first)
    assert fit(trainer, cell, HEAD, TRAIN).history[-1].loss == last.history[-1].loss


def test_the_time_of_a_step_is_its_share_of_the_call() -> None:
    cell = cell_with(batch_size=BATCH)
    fitted = fit(Trainer(head(), cell, jit=False), cell, HEAD, TRAIN)
    seconds = np.median([epoch.seconds for epoch in fitted.history[1:]])
    assert fitted.step is not None
    assert 0 < fitted.step * 12 < seconds
    assert fitted.usage is not None
    assert 0 < fitted.usage.user * 12 * (EPOCHS - 1) < 60


@pytest.mark.parametrize("settings", [{"mixup": 0.2}, {"label_smoothing": 0.1}], ids=str)
def test_batches_that_are_changed_in_python_are_taken_one_by_one(settings: dict[str, Any], calls: list[int]) -> None:
    cell = cell_with(batch_size=BATCH, **settings)
    fit(Trainer(head(), cell, jit=False), cell, HEAD, TRAIN)
    assert set(calls) == {1}


@pytest.mark.parametrize("most", [5 * 8, 3], ids=["five batches at a time, then two", "less than a batch"])
def test_chunks_are_cut_into_the_batches_of_their_epochs(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeding, "CHUNK", most)
    weights = np.array([1, 2], np.float32)
    fed, theirs = (Batches([FEATURES], LABELS, 8, seed=3, class_weights=weights) for _ in range(2))
    found = iter(feeding.whole_epochs(fed))
    for _ in range(2):
        theirs.on_epoch_end()
        for number in range(len(theirs)):
            for one, other in zip(next(found), theirs[number], strict=True):
                np.testing.assert_array_equal(one.numpy(), np.asarray(other))
