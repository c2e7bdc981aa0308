"""Co-Tuning in a real, tiny training: two heads while it trains, the ordinary model after that."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.integration.test_cut_training import SHORT, TRAIN, job, probabilities, run
from tlbench.core.cell import Named
from tlbench.core.training import Augmentation
from tlbench.datasets.source import DataSource
from tlbench.execution import child
from tlbench.execution.job import Finished, Job, Keep
from tlbench.execution.outcome import Returned

OF_SECOND_HEAD = 256 * 1000 + 1000


@pytest.fixture(scope="module")
def classifier(weights: Path, data: DataSource) -> Path:
    path = weights.with_name("whole.weights.h5")
    outcome = child.run("tests.targets:save_classifier", (SHORT, str(weights), str(path)), timeout=120)
    assert isinstance(outcome, Returned), outcome
    return path


@pytest.fixture(scope="module")
def jobs(data: DataSource, weights: Path, classifier: Path) -> dict[str, Job]:
    co_tuning = Named(name="co_tuning")
    flips = TRAIN.model_copy(update={"augmentation": Augmentation(flip=True), "mixup": 0.2})
    return {
        "full": job(data, weights, strategy=Named(name="full")),
        **{
            name: replace(job(data, weights, strategy=co_tuning, seed=seed, train=train), classifier_path=classifier)
            for name, seed, train in (("first", 0, TRAIN), ("second", 1, TRAIN), ("changed", 0, flips))
        },
    }


@pytest.fixture(scope="module")
def trained(jobs: dict[str, Job], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Finished]:
    by_id = {one.record.cell_id: one for one in run(list(jobs.values()), Keep(tmp_path_factory.mktemp("kept"), 10**9))}
    return {name: by_id[one.cell.id] for name, one in jobs.items()}


def test_the_second_head_is_trained_and_left_out(trained: dict[str, Finished]) -> None:
    full, both = trained["full"].record, trained["first"].record
    assert both.counts == full.counts
    assert both.training[-1].trainable == full.training[-1].trainable + OF_SECOND_HEAD
    assert both.training[0].trainable == full.training[0].trainable
    assert both.memory is not None
    assert full.memory is not None
    assert both.memory.weights == full.memory.weights
    assert both.memory.gradients == full.memory.gradients + 4 * OF_SECOND_HEAD
    assert both.training[-1].path.whole == "every layer is trained"
    assert both.training[-1].calibration is not None
    assert full.training[-1].calibration is None
    assert probabilities(trained["first"]).shape == probabilities(trained["full"]).shape


def test_the_loss_has_both_heads_and_validation_sees_the_new_one(trained: dict[str, Finished]) -> None:
    full, both = (trained[name].record.history for name in ("full", "first"))
    assert both[0].val_loss == pytest.approx(full[0].val_loss, abs=1e-6), "the same solved head"
    assert both[1].loss > full[1].loss + 2.3 * np.log(2), "of a thousand classes, none is sure"
    assert all(0 < epoch.val_loss < 2 for epoch in both)
    assert all(0 <= epoch.accuracy <= 1 for epoch in both)


def test_changed_images_and_labels_in_parts_go_with_two_heads(trained: dict[str, Finished]) -> None:
    history = trained["changed"].record.history
    assert [epoch.phase for epoch in history] == ["head", "fine-tuning", "fine-tuning"]
    assert np.isfinite([epoch.loss for epoch in history[1:]]).all()


def test_the_second_cell_of_a_group_begins_with_the_original_classifier_again(
    trained: dict[str, Finished], jobs: dict[str, Job], tmp_path: Path
) -> None:
    (alone,) = run([jobs["second"]], Keep(tmp_path, 10**9))
    np.testing.assert_allclose(probabilities(alone), probabilities(trained["second"]), atol=1e-5)
    losses = [[epoch.loss for epoch in one.record.history[1:]] for one in (alone, trained["second"])]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)
