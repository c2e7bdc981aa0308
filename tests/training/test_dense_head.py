"""A head that NumPy trains ends where Keras' own training ends, and what NumPy cannot train goes to Keras."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from tests.training.fitting import cell_with, fit, phase, points  # noqa: E402
from tlbench.core.training import EarlyStopping, ReduceLROnPlateau  # noqa: E402
from tlbench.modeling.layers import seed_noise  # noqa: E402
from tlbench.training import dense_head as dense  # noqa: E402
from tlbench.training.flat_optimizers import SGD  # noqa: E402
from tlbench.training.trainer import Fitted, Trainer  # noqa: E402

pytestmark = [
    pytest.mark.skipif(keras.backend.backend() == "jax", reason="JAX compiles Keras' steps"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # TensorFlow's own
]
TRAIN = points(90)
(FEATURES,), LABELS = TRAIN
BATCH = 8
"""12 batches an epoch, the last of which has 2 images."""
HEAD = phase(name="head", epochs=4, learning_rate=0.01)


def head(hidden: Sequence[int] = (4,), dropout: float = 0.0, units: int = 2, precision: str = "float32") -> Any:
    keras.config.set_dtype_policy(precision)
    keras.utils.set_random_seed(0)
    layers = [keras.Input((3,)), *(keras.layers.Dense(size, "relu") for size in hidden)]
    layers += [keras.layers.Dropout(dropout)] if dropout else []
    last = keras.layers.Dense(units, "sigmoid" if units == 1 else "softmax", dtype="float32")
    model = keras.Sequential([*layers, last])
    keras.config.set_dtype_policy("float32")
    return model


@pytest.fixture
def numpy_fits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of epochs of each training that NumPy was asked for."""
    found, own = list[int](), dense.DenseHead.fit

    def counting(self: dense.DenseHead, batches: Any, epochs: int, *more: Any) -> None:
        found.append(epochs)
        own(self, batches, epochs, *more)

    monkeypatch.setattr(dense.DenseHead, "fit", counting)
    return found


@pytest.fixture
def both(numpy_fits: list[int], monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Fitted, Any, Fitted, Any]]:
    """Trains twins, the first one by NumPy, the second one by Keras."""

    def train(make: Callable[[], Any], output: str, of: Any = HEAD, data: Any = TRAIN, **settings: Any) -> Any:
        cell, models = cell_with(output, batch_size=BATCH, **settings), (make(), make())
        ours = fit(Trainer(models[0], cell, jit=False), cell, of, data, TRAIN)
        assert numpy_fits == [of.epochs]
        monkeypatch.setattr(dense, "LARGEST", -1)
        theirs = fit(Trainer(models[1], cell, jit=False), cell, of, data, TRAIN)
        assert numpy_fits == [of.epochs]
        return ours, models[0], theirs, models[1]

    return train


def assert_alike(ours: Fitted, our_model: Any, theirs: Fitted, their_model: Any) -> None:
    start = head(units=our_model.output_shape[-1]).get_weights()
    for one, other in zip(our_model.get_weights(), their_model.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)
    if len(start) == len(our_model.weights):
        assert not np.allclose(start[0], our_model.get_weights()[0])
    assert len(ours.history) == len(theirs.history)
    assert ours.kept == theirs.kept
    for mine, other in zip(ours.history, theirs.history, strict=True):
        for name in ("loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"):
            assert getattr(mine, name) == pytest.approx(getattr(other, name), rel=1e-4), name


@pytest.mark.parametrize("optimizer", ["Adam", "AdamW", "RMSprop", "SGD"])
@pytest.mark.parametrize(
    ("hidden", "units"), [((), 2), ((4,), 2), ((5, 4), 2), ((4,), 1), ((4,), 7)], ids=lambda value: f"{value}"
)
def test_weights_and_history_are_those_of_keras(both: Any, optimizer: str, hidden: Sequence[int], units: int) -> None:
    output = "sigmoid" if units == 1 else "softmax"
    assert_alike(*both(lambda: head(hidden, units=units), output, optimizer=optimizer))


@pytest.mark.parametrize(
    "settings",
    [
        {"class_weight": "balanced"},
        {"weight_decay": 0.1},
        {"weight_decay": 0.1, "optimizer": "SGD"},
        {"early_stopping": EarlyStopping(patience=1)},
        {"early_stopping": EarlyStopping(patience=1, min_delta=9.0, restore_best=False)},
        {"reduce_lr": ReduceLROnPlateau(patience=1)},
        {"reduce_lr": ReduceLROnPlateau(patience=1, monitor="val_accuracy")},
    ],
    ids=str,
)
@pytest.mark.parametrize("output", ["softmax", "sigmoid"])
def test_settings_do_what_they_do_in_keras(both: Any, output: str, settings: dict[str, Any]) -> None:
    assert_alike(*both(lambda: head(units=1 if output == "sigmoid" else 2), output, **settings))


@pytest.mark.parametrize(
    "changes", [{"warmup": 0.5}, {"schedule": "cosine"}, {"keep_best": True, "learning_rate": 0.1}], ids=str
)
def test_phases_do_what_they_do_in_keras(both: Any, changes: dict[str, Any]) -> None:
    assert_alike(*both(head, "softmax", HEAD.model_copy(update=changes)))


def test_views_of_an_epoch_are_those_that_keras_trains_on(both: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dense, "TOGETHER", 3 * BATCH)
    assert_alike(*both(head, "softmax", HEAD, (lambda epoch: [FEATURES + np.float32(epoch)], LABELS)))


def test_the_noise_of_dropout_is_that_of_keras(both: Any) -> None:
    def between() -> Any:
        keras.utils.set_random_seed(0)
        return of(
            keras.layers.Dropout(0.2),
            keras.layers.Dense(4, "relu"),
            keras.layers.Dropout(0.4),
            keras.layers.Dense(5, "relu"),
            keras.layers.Dense(2, "softmax"),
        )

    assert_alike(*both(between, "softmax"))


@pytest.mark.parametrize("units", [1, 3])
def test_slopes_are_those_of_the_loss_with_dropout(units: int) -> None:
    """Against differences of the loss, at the same noise, for each weight."""
    model = head((5, 4), 0.3, units)
    cell = cell_with("sigmoid" if units == 1 else "softmax", optimizer="SGD")
    found = Trainer(model, cell, jit=False)._dense
    assert found is not None
    weights, labels = dense._Weights(found._variables), (np.arange(90) % max(2, units)).astype(np.int32)
    still = SGD({"weight_decay": None}, len(weights.flat), [])
    of_images = np.linspace(0.5, 2, 90, dtype=np.float32)

    def loss() -> float:
        keras.utils.set_random_seed(5)  # torch draws from its own generator
        seed_noise(model, 5)
        return found._step(weights, still, FEATURES, labels, of_images).loss / len(labels)

    found._model.optimizer.learning_rate = 0.0
    weights.flat += np.random.default_rng(1).normal(0, 0.1, len(weights.flat)).astype(np.float32)  # no ReLU at its kink
    loss()
    slope, apart = weights.slope.copy(), np.float32(3e-4)
    for place in range(len(weights.flat)):
        here = weights.flat[place]
        weights.flat[place] = here + apart
        above = loss()
        weights.flat[place] = here - apart
        below = loss()
        weights.flat[place] = here
        assert slope[place] == pytest.approx((above - below) / (2 * apart), abs=2e-3)
    assert (slope != 0).mean() > 0.5


def sum_of_two() -> Any:
    given = keras.Input((3,))
    hidden = keras.layers.Dense(3, "relu")(given)
    return keras.Model(given, keras.layers.Dense(2, "softmax")(keras.layers.Add()([given, hidden])))


def of(*layers: Any) -> Any:
    return keras.Sequential([keras.Input((3,)), *layers])


def frozen() -> Any:
    model = head()
    model.layers[0].trainable = False
    return model


@pytest.mark.parametrize(
    ("make", "settings"),
    [
        (head, {"optimizer": "Nadam"}),
        (head, {"mixup": 0.2}),
        (head, {"label_smoothing": 0.1}),
        (lambda: head(precision="mixed_bfloat16"), {}),
        (sum_of_two, {}),
        (frozen, {}),
        (lambda: of(keras.layers.Dense(4, "gelu"), keras.layers.Dense(2, "softmax")), {}),
        (lambda: of(keras.layers.Dense(2, "softmax", use_bias=False)), {}),
        (lambda: of(keras.layers.Dense(2, "softmax", kernel_regularizer="l2")), {}),
        (lambda: of(keras.layers.Dense(2, "softmax", bias_constraint="non_neg")), {}),
        (lambda: of(keras.layers.BatchNormalization(), keras.layers.Dense(2, "softmax")), {}),
        (lambda: of(keras.layers.Dense(2, "softmax"), keras.layers.Dropout(1e-6)), {}),
    ],
)
def test_what_numpy_cannot_train_goes_to_keras(
    make: Callable[[], Any], settings: dict[str, Any], numpy_fits: list[int]
) -> None:
    cell = cell_with(batch_size=BATCH, **settings)
    fitted = fit(Trainer(make(), cell, jit=False), cell, HEAD, TRAIN)
    assert (len(fitted.history), numpy_fits) == (HEAD.epochs, [])


def test_the_next_cell_of_a_group_starts_anew() -> None:
    cell, model = cell_with(batch_size=BATCH), head(dropout=0.5)
    trainer, first = Trainer(model, cell, jit=False), model.get_weights()
    losses = list[list[float]]()
    for each in (HEAD, HEAD.model_copy(update={"warmup": 0.5}), HEAD):
        model.set_weights(first)
        losses.append([epoch.loss for epoch in fit(trainer, cell, each, TRAIN).history])
    assert losses[0] == losses[2] != losses[1]


def test_the_time_of_a_step_is_less_than_that_of_its_epoch() -> None:
    cell = cell_with(batch_size=BATCH)
    fitted = fit(Trainer(head(), cell, jit=False), cell, HEAD, TRAIN)
    seconds = np.median([epoch.seconds for epoch in fitted.history[1:]])
    assert fitted.step is not None
    assert 0 < fitted.step * 12 < seconds


def test_a_loss_that_is_not_finite_ends_the_training() -> None:
    cell = cell_with(batch_size=BATCH, optimizer="SGD")
    wild = HEAD.model_copy(update={"learning_rate": 1e30})
    with pytest.raises(Exception, match="training diverged"):
        fit(Trainer(head(), cell, jit=False), cell, wild, TRAIN)
