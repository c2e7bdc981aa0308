"""Numbers that are not finite end a cell: what is measured of such weights says nothing."""

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from tests import builders  # noqa: E402
from tlbench.execution.outcome import Raised, failure  # noqa: E402
from tlbench.results.trained import Epoch  # noqa: E402
from tlbench.strategies.base import Phase  # noqa: E402
from tlbench.training.evaluate import DivergedError, Predicted, accuracy  # noqa: E402
from tlbench.training.trainer import Trainer  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # TensorFlow's own
PHASE = Phase(name="fine-tuning", solver="gradient", frozen=0, epochs=5, learning_rate=0.1)


@pytest.mark.parametrize(("split", "named"), [("train", "loss"), ("validation", "validation loss")])
def test_a_loss_that_is_no_number_ends_training_after_its_epoch(split: str, named: str) -> None:
    keras.config.set_dtype_policy("float32")
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, activation="softmax")])
    images, labels = np.ones((4, 3), np.float32), np.array([0, 1, 0, 1], np.int32)
    splits = {"train": ([images], labels), "validation": ([images], labels), split: ([images * np.nan], labels)}
    told: list[Epoch] = []
    with pytest.raises(
        DivergedError, match=f"diverged: the {named} was nan after epoch 1 of phase fine-tuning"
    ) as error:
        Trainer(model, builders.cell(), jit=False).fit(
            builders.cell(), PHASE, splits["train"], splits["validation"], told.append
        )
    assert len(told) == 1
    status, why = failure(Raised(type(error.value).__name__, str(error.value), "", user_error=True))
    assert status == "invalid"
    assert "learning_rate" in why.advice


def test_predictions_that_are_no_numbers_have_no_accuracy() -> None:
    probabilities = np.array([[0.5, 0.5], [np.nan, np.nan], [1.0, 0.0]], np.float32)
    with pytest.raises(DivergedError, match="the predictions of 1 of 3 test images are not finite"):
        accuracy(Predicted(probabilities, np.zeros(3, np.int32)), ("a", "b"), None)
