"""Strategies in the space of weights, in real, tiny trainings: what each promises beside `full`."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.integration.test_cut_training import TRAIN, job, probabilities, run
from tlbench.core.cell import Named
from tlbench.core.training import EarlyStopping
from tlbench.datasets.source import DataSource
from tlbench.execution.job import Finished, Keep

FAST = TRAIN.model_copy(
    update={"epochs": 3, "learning_rate": 3e-3, "early_stopping": EarlyStopping(restore_best=False)}
)
"""Large steps, and the last epoch is what fine-tuning gives: so that what averages do can be seen."""
BY_LOSS = TRAIN.model_copy(update={"epochs": 3})
ASKED: dict[str, tuple[str, dict[str, Any], Any]] = {
    "full": ("full", {}, FAST),
    "held": ("l2_sp", {"alpha": 10.0, "beta": 0.0}, FAST),
    "before": ("wise_ft", {"alpha": 0}, FAST),
    "between": ("wise_ft", {}, BY_LOSS),
    "average": ("ema", {"decay": 0.9}, FAST),
    "soup": ("soup", {}, BY_LOSS),
    "frozen": ("frozen", {}, TRAIN),
}


@pytest.fixture(scope="module")
def trained(data: DataSource, weights: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Finished]:
    keep = Keep(tmp_path_factory.mktemp("features"), 10**9)
    jobs = [
        job(data, weights, strategy=Named(name=name, args=args), train=train) for name, args, train in ASKED.values()
    ]
    by_id = {finished.record.cell_id: finished for finished in run(jobs, keep)}
    return {name: by_id[one.cell.id] for name, one in zip(ASKED, jobs, strict=True)}


def test_all_begin_with_the_solved_head(trained: dict[str, Finished]) -> None:
    losses = [one.record.history[0].val_loss for one in trained.values()]
    np.testing.assert_allclose(losses, losses[0], atol=1e-6)
    assert {one.record.training[0].solver for one in trained.values()} == {"linear"}


def test_of_wise_ft_nothing_is_left_at_share_0(trained: dict[str, Finished]) -> None:
    np.testing.assert_allclose(probabilities(trained["before"]), probabilities(trained["frozen"]), atol=1e-5)
    (only,) = trained["before"].record.training[-1].tried
    assert (only.setting, trained["before"].record.training[-1].chosen) == (0, 0)


def test_validation_chooses_the_share_and_the_record_says_which(trained: dict[str, Finished]) -> None:
    record = trained["between"].record
    last = record.training[-1]
    assert [one.setting for one in last.tried] == [tenths / 10 for tenths in range(11)]
    losses = [one.val_loss for one in last.tried]
    assert last.chosen == int(np.argmin(losses))
    assert record.accuracy is not None
    assert record.accuracy.validation_loss == min(losses)
    assert losses[0] == pytest.approx(record.history[0].val_loss, abs=1e-5), "the solved head"
    assert losses[-1] == pytest.approx(record.history[-1].val_loss, abs=1e-5), "the last epoch"
    assert record.accuracy.resampled == ()


def test_a_soup_is_never_worse_on_validation_than_its_best_epoch(trained: dict[str, Finished]) -> None:
    record = trained["soup"].record
    last = record.training[-1]
    assert len(last.tried) == 4, "three epochs and the head"
    assert last.tried[0].val_loss == pytest.approx(min(epoch.val_loss for epoch in record.history), abs=1e-6)
    assert record.accuracy is not None
    assert last.chosen is not None
    assert record.accuracy.validation_loss == last.tried[last.chosen].val_loss <= last.tried[0].val_loss


def test_averages_of_the_same_steps_are_what_validation_sees(trained: dict[str, Finished]) -> None:
    plain, average = (trained[name].record.history for name in ("full", "average"))
    assert [epoch.val_loss for epoch in average] != pytest.approx([epoch.val_loss for epoch in plain], abs=1e-3)
    assert [epoch.loss for epoch in average] == pytest.approx([epoch.loss for epoch in plain], rel=1e-4), "same steps"


def test_the_pull_is_in_the_loss_of_every_step(trained: dict[str, Finished]) -> None:
    """Its gradient is tested in tests/training/test_weight_space.py; Adam's first steps go a rate far all the same."""
    free, held = (trained[name].record.history[1].loss for name in ("full", "held"))
    assert held > free + 0.1
