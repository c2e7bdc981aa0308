"""Phases of one training follow one another: what is the luck, the loss and the end of each."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from tests.training.fitting import cell_with, fit, phase, points  # noqa: E402
from tlbench.core.training import EarlyStopping  # noqa: E402
from tlbench.modeling.layers import seed_noise  # noqa: E402
from tlbench.training.batches import Arrays, Batches  # noqa: E402
from tlbench.training.pull import pulls  # noqa: E402
from tlbench.training.trainer import Trainer  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # TensorFlow's own
TRAIN = points(12)
(FEATURES,), LABELS = TRAIN


@pytest.fixture
def model() -> Any:
    keras.config.set_dtype_policy("float32")
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((3,)), keras.layers.Dropout(0.5), keras.layers.Dense(2, activation="softmax")])


def test_wise_ft_takes_the_last_epoch_for_its_end_whatever_early_stopping_would_bring_back(model: Any) -> None:
    """Validation images with the other label: each epoch makes it worse."""
    cell, wrong = cell_with(early_stopping=EarlyStopping(patience=9)), ([FEATURES], 1 - LABELS)
    fitted = fit(Trainer(model, cell, jit=False), cell, phase(epochs=3, shares=(1.0,)), TRAIN, wrong)
    losses = [epoch.val_loss for epoch in fitted.history]
    assert losses[0] < losses[1] < losses[2]
    assert fitted.tried[0].val_loss == pytest.approx(losses[2])


@pytest.mark.parametrize("settings", [{}, {"mixup": 0.2}, {"label_smoothing": 0.1}], ids=str)
@pytest.mark.parametrize("output", ["softmax", "sigmoid"])
def test_early_stopping_by_accuracy_stops_when_that_does_not_rise(output: str, settings: dict[str, float]) -> None:
    """Keras knows the direction of its own metrics only, and that of mixed labels for one unit is none of them."""
    keras.config.set_dtype_policy("float32")
    units = 1 if output == "sigmoid" else 2
    model = keras.Sequential([keras.Input((1, 1, 3)), keras.layers.Flatten(), keras.layers.Dense(units, output)])
    cell = cell_with(output, early_stopping=EarlyStopping(patience=2, monitor="val_accuracy"), **settings)
    split: Arrays = ([FEATURES[:, None, None]], LABELS)
    fitted = fit(Trainer(model, cell, jit=False), cell, phase(epochs=9, learning_rate=1e-12), split)
    assert (len(fitted.history), fitted.kept) == (3, 0)


def test_a_penalty_is_in_the_loss_of_its_own_phase_alone(model: Any) -> None:
    """Though all phases train the same variables; and one that a saved model brought is there again."""
    own = keras.regularizers.L2(0.0)
    kernel, bias = model.trainable_variables
    kernel.regularizer = own
    cell, still = cell_with(), phase(learning_rate=1e-12)
    before = Trainer(model, cell, jit=False)
    held = Trainer(
        keras.Model(model.inputs, model.outputs), cell, jit=False, penalties=pulls([], [kernel, bias], 0.0, 0.5)
    )
    penalty = 0.25 * sum(float((one**2).sum()) for one in model.get_weights())
    first, second, third = (fit(one, cell, still, TRAIN).history[0].loss for one in (before, held, before))
    assert penalty > 0.1
    assert second - first == pytest.approx(penalty, rel=1e-3)
    assert third == pytest.approx(first, rel=1e-4)
    assert (kernel.regularizer, bias.regularizer) == (own, None)


def noise(of: Any) -> list[int]:
    """The state of its dropout."""
    (state,) = of.layers[0].variables
    return list(keras.ops.convert_to_numpy(state.value).tolist())


def test_epochs_of_a_later_phase_go_on_with_views_orders_and_noise(model: Any) -> None:
    cell, asked, seen = cell_with(batch_size=4), list[int](), list[Any]()

    def view(epoch: int) -> Any:
        asked.append(epoch)
        return [FEATURES]

    trainer = Trainer(model, cell, jit=False)
    for done, epochs in ((0, 1), (1, 2)):
        fit(trainer, cell, phase(epochs=epochs), (view, LABELS), TRAIN, done=done)
        seen.append(asked.copy())
        asked.clear()
    assert seen[0][0] == 0
    assert seen[1][:2] == [1, 2]
    seed_noise(model, 7)
    first = noise(model)
    seed_noise(model, 7, done=1)
    later = noise(model)
    assert first != later
    assert first == [int(np.random.SeedSequence((7, 0)).generate_state(1)[0] >> 1), 0], "as ever in a first phase"


def test_no_view_is_drawn_for_an_epoch_after_the_last(model: Any) -> None:
    """The epoch before the first tells Keras the shapes."""
    asked = []

    def view(epoch: int) -> Any:
        asked.append(epoch)
        return [FEATURES]

    cell = cell_with(label_smoothing=0.1)
    fit(Trainer(model, cell, jit=False), cell, phase(epochs=3), (view, LABELS), TRAIN, done=2)
    assert asked == [2, 3, 4, 5]


def test_an_epoch_after_the_last_is_drawn_if_it_is_asked_for() -> None:
    free, bound = (Batches([FEATURES], LABELS, 5, seed=3, last=last) for last in (None, 1))
    for _ in range(3):
        for number in range(len(free)):
            for one, other in zip(free[number], bound[number], strict=True):
                np.testing.assert_array_equal(np.asarray(one), np.asarray(other))
        free.on_epoch_end()
        bound.on_epoch_end()
    np.testing.assert_array_equal(free.joined(0, 2)[0], bound.joined(0, 2)[0])


@pytest.mark.parametrize("change", [None, lambda images, labels, draw: (images + draw.normal(), labels)])
def test_batches_from_a_later_epoch_on_are_those_of_that_epoch(change: Callable[..., Any] | None) -> None:
    whole, later = (Batches([FEATURES], LABELS, 5, seed=3, change=change, first=first) for first in (0, 2))
    assert not np.array_equal(np.asarray(whole[0][0]), np.asarray(later[0][0]))
    whole.on_epoch_end()
    whole.on_epoch_end()
    for number in range(len(whole)):
        for one, other in zip(whole[number], later[number], strict=True):
            np.testing.assert_array_equal(np.asarray(one), np.asarray(other))
