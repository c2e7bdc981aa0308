"""Class weights: what they are, and that they reach the loss of every kind of training."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import log_loss
from sklearn.utils.class_weight import compute_class_weight

from tests.integration.test_cut_training import GRADIENT, TRAIN, job, run
from tlbench.core.cell import Head, Named
from tlbench.datasets import synthetic
from tlbench.datasets.prepare import prepare
from tlbench.datasets.source import DataSource
from tlbench.execution.job import Keep
from tlbench.training.batches import Batches
from tlbench.training.evaluate import Predicted, balanced_weights, cross_entropy

LABELS = np.array([0] * 9 + [1] * 2 + [2], np.int32)


def test_they_are_scikit_learns() -> None:
    found = balanced_weights(LABELS, 3)
    np.testing.assert_allclose(found, compute_class_weight("balanced", classes=np.arange(3), y=LABELS), rtol=1e-6)
    assert found[LABELS].mean() == pytest.approx(1)


def test_the_validation_loss_is_weighted_as_the_training() -> None:
    probabilities = np.random.default_rng(0).dirichlet(np.ones(3), 12).astype(np.float32)
    seen, of_class = Predicted(probabilities, LABELS), balanced_weights(LABELS, 3)
    expected = log_loss(LABELS, probabilities, sample_weight=of_class[LABELS], labels=[0, 1, 2])
    assert cross_entropy(seen, of_class) == pytest.approx(expected, rel=1e-5)
    assert cross_entropy(seen) == pytest.approx(log_loss(LABELS, probabilities, labels=[0, 1, 2]), rel=1e-5)


def test_each_image_of_a_batch_has_the_weight_of_its_class() -> None:
    of_class = balanced_weights(LABELS, 3)
    for inputs, labels, found in map(Batches([LABELS], LABELS, 5, seed=1, class_weights=of_class).__getitem__, (0, 2)):
        np.testing.assert_array_equal(np.asarray(inputs), np.asarray(labels))
        np.testing.assert_array_equal(np.asarray(found), of_class[np.asarray(labels, np.int32)])


def test_a_rare_class_is_found_more_often_by_solving_and_by_steps(
    data: DataSource, weights: Path, tmp_path: Path
) -> None:
    synthetic.write_tree(tmp_path / "images", ("often", "rare"), {"train": 40, "validation": 12, "test": 20}, 48)
    for split, count in (("train", 4), ("validation", 3)):
        for file in sorted((tmp_path / "images" / split / "rare").iterdir())[count:]:
            file.unlink()
    named = Named(name="own")
    unbalanced = prepare(
        named, job(data, weights).cell.limit, 48, root=None, path=tmp_path / "images", cache=tmp_path / "cache",
        fallback_synthetic=False,
    )  # fmt: skip
    steps = TRAIN.model_copy(update={"epochs": 4, "learning_rate": 3e-3})
    kinds = [
        {},
        {"strategy": GRADIENT, "train": steps},
        {"strategy": GRADIENT, "head": Head(output="sigmoid"), "train": steps},
    ]
    for kind in kinds:
        plain, weighted = (job(unbalanced, weights, **{"dataset": named, "train": TRAIN, **kind}) for _ in range(2))
        asked = weighted.cell.training.model_copy(update={"class_weight": "balanced"})
        weighted = job(unbalanced, weights, **{"dataset": named, **kind, "train": asked})
        one, other = run([plain, weighted], Keep(tmp_path / "features", 10**9))
        said = [float(found.predictions["test"][0][:, 1].mean()) for found in (one, other)]
        assert said[1] > said[0] + 0.05, (kind, said)
        assert one.record.accuracy is not None
        assert one.record.data is not None
        assert one.record.data.unbalanced
