"""Two heads that are trained at once, against NumPy."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests import builders
from tlbench.core.cell import Named
from tlbench.core.training import Training

keras = pytest.importorskip("keras")

from tlbench.modeling.assemble import build, head_of  # noqa: E402
from tlbench.training.batches import Batches  # noqa: E402
from tlbench.training.compiling import compile_to_train  # noqa: E402
from tlbench.training.rates import multiples_of  # noqa: E402
from tlbench.training.second_head import SecondHead  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # TensorFlow's own

RATE, WEIGHT = 0.1, 2.3
TABLE = np.array([[0.7, 0.1, 0.1, 0.1], [0.0, 0.5, 0.5, 0.0], [0.2, 0.2, 0.2, 0.4]], np.float32)


def two_heads(table: NDArray[np.float32] = TABLE) -> SecondHead:
    """A backbone of 5 features to 4, a classifier of 3 classes and one of 4 on it."""
    keras.config.set_dtype_policy("float32")
    keras.utils.set_random_seed(0)
    inputs = keras.Input((5,))
    features = keras.layers.Dense(4, name="backbone")(inputs)
    entry = keras.Input((4,))
    head = keras.Model(entry, keras.layers.Dense(4)(entry), name="original_head")
    probabilities = keras.layers.Dense(3, activation="softmax", name="new")(features)
    return SecondHead(keras.Model(inputs, [probabilities, head(features)]), head, table, 1.0, WEIGHT)


def values(variables: Any) -> list[NDArray[np.float64]]:
    return [keras.ops.convert_to_numpy(one.value).astype(np.float64) for one in variables]


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def test_one_step_is_that_of_numpy() -> None:
    second, draw = two_heads(), np.random.default_rng(0)
    x, y = draw.normal(size=(6, 5)).astype(np.float32), np.array([0, 1, 2, 0, 1, 1], np.int32)
    train = Training(epochs=1, batch_size=6, optimizer="sgd", learning_rate=RATE)
    compile_to_train(second.model, builders.cell(train=train), jit=False, along=second)
    before = {one.path: value for one, value in zip(second.model.weights, values(second.model.weights), strict=True)}
    (batch,) = list(Batches([x], y, 6, along=second.targets))
    found = second.model.train_on_batch(*batch, return_dict=True)

    w, b, v, c = (before[path] for path in ("backbone/kernel", "backbone/bias", "new/kernel", "new/bias"))
    u, d = (before[one.path] for one in second.head.weights)
    hidden = x @ w + b
    own, other = softmax(hidden @ v + c), softmax(hidden @ u + d)
    wanted, source = np.eye(3)[y], TABLE[y].astype(np.float64)
    loss = -(wanted * np.log(own)).sum(axis=1).mean() - WEIGHT * (source * np.log(other)).sum(axis=1).mean()
    assert float(found["loss"]) == pytest.approx(loss, rel=1e-5)

    of_own, of_other = (own - wanted) / 6, WEIGHT * (other - source) / 6
    below = of_own @ v.T + of_other @ u.T
    gradients = {
        "backbone/kernel": x.T @ below,
        "backbone/bias": below.sum(axis=0),
        "new/kernel": hidden.T @ of_own,
        "new/bias": of_own.sum(axis=0),
        second.head.weights[0].path: hidden.T @ of_other,
        second.head.weights[1].path: of_other.sum(axis=0),
    }
    for variable, now in zip(second.model.weights, values(second.model.weights), strict=True):
        moved = before[variable.path] - RATE * gradients[variable.path]
        np.testing.assert_allclose(now, moved, rtol=1e-4, atol=1e-6)

    second.restore(0)
    for variable, now in zip(second.head.weights, values(second.head.weights), strict=True):
        np.testing.assert_array_equal(now, before[variable.path])


def test_it_takes_the_rate_of_the_backbone_where_the_new_head_has_its_own() -> None:
    rates = {"head_rate": 1e-3, "backbone_rate": 1e-4}
    assembled = build(builders.cell(strategy=Named(name="co_tuning", args=rates), image_size=32), 2, None)
    entry = keras.Input(assembled.backbone.output_shape[1:])
    head = keras.Model(entry, keras.layers.Dense(3)(entry))
    inputs = keras.Input((32, 32, 3))
    both = keras.Model(inputs, [assembled.model(inputs), head(assembled.backbone(inputs))])
    multiples = multiples_of(assembled, assembled.phases[-1], both, head)
    found = dict(zip(map(id, both.trainable_variables), multiples, strict=True))
    own = [found[id(one)] for layer in head_of(assembled) for one in layer.trainable_variables]
    assert own == pytest.approx([10, 10])
    assert {found[id(one)] for one in (*head.trainable_variables, *assembled.backbone.trainable_variables)} == {1}


def test_labels_in_parts_give_the_same_parts_of_the_rows() -> None:
    second = two_heads()
    np.testing.assert_array_equal(second.labels(np.array([2, 0])), TABLE[[2, 0]])
    mixed = second.labels(np.array([[0.25, 0.0, 0.75]], np.float32))
    np.testing.assert_allclose(mixed, [0.25 * TABLE[0] + 0.75 * TABLE[2]], rtol=1e-6)
    pair = two_heads(TABLE[:2]).labels(np.array([[0.25]], np.float32))  # of one sigmoid unit: the part of class 1
    np.testing.assert_allclose(pair, [0.75 * TABLE[0] + 0.25 * TABLE[1]], rtol=1e-6)


def test_the_weight_of_an_image_counts_for_both_heads() -> None:
    y, weights = np.array([0, 1], np.int32), np.array([2.0, 0.5], np.float32)
    (batch,) = list(Batches([np.zeros((2, 5), np.float32)], y, 2, class_weights=weights, along=two_heads().targets))
    _, (own, other), (of_own, of_other) = batch
    np.testing.assert_array_equal(own, y)
    np.testing.assert_array_equal(other, TABLE[:2])
    np.testing.assert_array_equal(of_own, weights)
    np.testing.assert_array_equal(of_other, weights)
