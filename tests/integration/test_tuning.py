"""A tuned cell is the cell of the setting that validation chose, to the bit, and its record says what was tried."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.integration.test_cut_training import FROZEN, PARTIAL, TRAIN, job, probabilities, run
from tests.narrow import present
from tlbench.core.cell import Head, Named
from tlbench.core.training import Tuning
from tlbench.datasets.source import DataSource
from tlbench.execution.job import Keep

RATES = (1e-6, 3e-2, 1e-3)
TUNED = TRAIN.model_copy(update={"learning_rate": 0.0, "tune": Tuning(learning_rate=RATES, l2=(1.0, 0.1, 1e-3))})


JOINT = Named(name="partial", args={"trainable": 0.3, "joint": True})


LINEAR = Head()


@pytest.mark.parametrize(
    ("strategy", "head"),
    [
        pytest.param(PARTIAL, LINEAR, id="two"),
        pytest.param(JOINT, Head(dropout=0.3), id="one"),
        pytest.param(Named(name="wise_ft"), LINEAR, id="wise_ft"),
        pytest.param(Named(name="soup"), LINEAR, id="soup", marks=pytest.mark.slow),
        pytest.param(Named(name="layerwise"), LINEAR, id="layerwise", marks=pytest.mark.slow),
    ],
)
def test_each_rate_is_tried_as_if_it_were_alone_and_the_best_by_validation_is_kept(
    data: DataSource, weights: Path, strategy: Named, head: Head, tmp_path: Path
) -> None:
    # With labels in parts the solved head, which all rates have, is not among the weights that may be kept.
    parts = {} if strategy.name == "wise_ft" else {"label_smoothing": 0.1}
    grid = TUNED.model_copy(update={"tune": present(TUNED.tune).model_copy(update={"l2": ()}), **parts})
    trains = [TRAIN.model_copy(update={"learning_rate": rate, **parts}) for rate in RATES]
    jobs = [job(data, weights, strategy=strategy, head=head, train=train) for train in (grid, *trains)]
    tuned, *alone = run(jobs, Keep(tmp_path, 10**9))
    record: Any = tuned.record
    search = record.search
    assert [trial.setting for trial in search.trials] == list(RATES)
    for trial, other in zip(search.trials, alone, strict=True):
        accuracy = present(other.record.accuracy)
        assert (trial.val_loss, trial.val_accuracy) == (accuracy.validation_loss, accuracy.validation_top1)
    losses = [trial.val_loss for trial in search.trials]
    assert search.chosen == losses.index(min(losses))
    assert len(set(losses)) > 1, "a choice that decides something"
    chosen = alone[search.chosen]
    np.testing.assert_array_equal(probabilities(tuned), probabilities(chosen))
    assert [epoch.val_loss for epoch in record.history] == [epoch.val_loss for epoch in chosen.record.history]
    assert record.training[-1].learning_rate == search.setting
    shared = sum(phase.seconds for phase in record.training[:-1])
    assert search.seconds >= shared + sum(trial.seconds for trial in search.trials)


def test_all_penalties_of_a_solved_head_are_tried(data: DataSource, weights: Path, tmp_path: Path) -> None:
    penalties = (1e-4, 10.0, 0.1)
    train = TRAIN.model_copy(update={"epochs": 0, "learning_rate": 0.0, "tune": Tuning(l2=penalties)})
    first, second = run(
        [job(data, weights, strategy=FROZEN, train=train), job(data, weights, strategy=PARTIAL, train=TUNED)],
        Keep(tmp_path, 10**9),
    )
    search = present(first.record.search)
    assert sorted(trial.setting for trial in search.trials) == sorted(penalties)
    assert search.trials[search.chosen].val_loss == min(trial.val_loss for trial in search.trials)
    assert search.seconds > 0
    head = second.record.training[0]
    assert [setting.setting for setting in head.tried] == [1.0, 0.1, 1e-3], "the grid's, strongest first"
    assert present(second.record.search).varied == "learning_rate"


def test_a_trial_that_diverges_is_told_and_not_chosen(data: DataSource, weights: Path, tmp_path: Path) -> None:
    rates = Tuning(learning_rate=(1e38, 1e-4))
    (tuned,) = run(
        [job(data, weights, strategy=PARTIAL, train=TUNED.model_copy(update={"tune": rates}))], Keep(tmp_path, 10**9)
    )
    search = present(tuned.record.search)
    assert np.isnan(search.trials[0].val_loss)
    assert search.setting == 1e-4
    assert np.isfinite(probabilities(tuned)).all()
