"""Settings of training in real, tiny trainings: each does something, and the same seed gives the same bits."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.integration.test_cut_training import GRADIENT, TRAIN, job, probabilities, run
from tlbench.core.cell import Head, Named
from tlbench.core.training import Augmentation, RandAugment
from tlbench.datasets.source import DataSource
from tlbench.execution.job import Keep

FULL = Named(name="full")


def settings(**changes: Any) -> Any:
    return TRAIN.model_copy(update={"epochs": 1, **changes})


MIXED = {"mixup": 0.4, "cutmix": 1.0, "rand_augment": RandAugment(), "augmentation": Augmentation(flip=True)}


def test_mixed_and_smoothed_images_of_all_strategies_repeat_bit_for_bit(
    data: DataSource, weights: Path, tmp_path: Path
) -> None:
    train = settings(**MIXED, label_smoothing=0.1, weight_decay=0.05, schedule="linear", warmup=0.5)
    cells: list[dict[str, Any]] = [
        {"strategy": GRADIENT},
        {"strategy": FULL},
        {"strategy": FULL, "head": Head(output="sigmoid")},
    ]
    jobs = [job(data, weights, train=train, **cell) for cell in cells]
    found = run(jobs, Keep(tmp_path / "one", 10**9))
    (again,) = run(jobs[-1:], Keep(tmp_path / "other", 10**9))
    np.testing.assert_array_equal(probabilities(found[-1]), probabilities(again))
    for one, asked in zip(found, jobs, strict=True):
        record = one.record
        assert record.cell == asked.cell
        assert record.path is not None
        assert record.path.whole == "random changes of the images"
        last = record.history[-1]
        assert last.loss > 0.2, "of labels in parts"
        assert 0 < last.accuracy <= 1
        assert last.learning_rate < train.learning_rate, "three steps, one of them warm-up"
        assert record.accuracy is not None
        assert record.accuracy.validation_loss == last.val_loss, "the head, solved on whole labels, is no candidate"


def test_smoothing_leaves_kept_features_alone_and_changes_the_loss(
    data: DataSource, weights: Path, tmp_path: Path
) -> None:
    jobs = [
        job(data, weights, strategy=GRADIENT, train=settings(**asked))
        for asked in ({}, {"label_smoothing": 0.3}, {"weight_decay": 0.9, "learning_rate": 0.1}, {"learning_rate": 0.1})
    ]
    plain, smoothed, decayed, fast = run(jobs, Keep(tmp_path, 10**9))
    for one in (smoothed, decayed):
        assert one.record.path is not None
        assert one.record.path.whole is None
    assert smoothed.record.history[0].loss != pytest.approx(plain.record.history[0].loss, abs=1e-3)
    assert np.abs(probabilities(decayed) - probabilities(fast)).max() > 1e-4
