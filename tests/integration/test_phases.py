"""What the phases of a training leave behind: in the model's predictions, and in the record."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.integration.test_cut_training import PARTIAL, TRAIN, job, probabilities, run
from tlbench.core.cell import Head, Named
from tlbench.datasets.source import DataSource
from tlbench.execution.job import Finished, Keep

FROZEN, FULL = Named(name="frozen"), Named(name="full")


@pytest.fixture(scope="module")
def keep(tmp_path_factory: pytest.TempPathFactory) -> Keep:
    return Keep(tmp_path_factory.mktemp("features"), 10**9)


@pytest.fixture(scope="module")
def trained(data: DataSource, weights: Path, keep: Keep) -> dict[str, Finished]:
    """A head, and what fine-tuning makes of it, from one pass through the frozen backbone."""
    strategies = (FROZEN, PARTIAL, FULL, Named(name="full", args={"joint": True, "batch_norm": "train"}))
    jobs = [job(data, weights, strategy=strategy) for strategy in strategies]
    return {finished.record.cell.strategy.label: finished for finished in run(jobs, keep)}


def test_one_pass_serves_the_cuts_of_all_strategies_and_later_runs(
    data: DataSource, weights: Path, trained: dict[str, Finished], keep: Keep
) -> None:
    frozen, partial, full = (trained[strategy.label].record.path for strategy in (FROZEN, PARTIAL, FULL))
    images = sum(sum(counts.values()) for counts in data.provenance().counts.values())
    assert frozen is not None
    assert partial is not None
    assert full is not None
    assert (frozen.computed, partial.computed) == (images, 0)
    assert frozen.bytes_per_image == 256 * 4
    assert full.whole == "every layer is trained"
    (again,) = run([job(data, weights, strategy=FROZEN)], keep)
    assert again.record.path is not None
    assert again.record.path.computed == 0


def history(finished: Finished) -> list[tuple[str | None, int]]:
    return [(epoch.phase, epoch.epoch) for epoch in finished.record.history]


def test_a_solved_head_is_one_entry_without_a_step(trained: dict[str, Finished]) -> None:
    record = trained["frozen"].record
    assert history(trained["frozen"]) == [("head", 0)]
    (phase,) = record.training
    assert (phase.solver, phase.epochs, phase.trainable) == ("linear", 0, 256 * 2 + 2)
    assert phase.chosen == int(np.argmin([setting.val_loss for setting in phase.tried]))
    assert record.accuracy is not None
    assert record.accuracy.validation_loss == pytest.approx(phase.tried[phase.chosen].val_loss)
    assert len(record.accuracy.resampled) == 20
    assert record.memory is not None
    assert (record.memory.gradients, record.memory.optimizer) == (0, 0)


@pytest.mark.parametrize("name", ["partial (trainable=0.3)", "full"])
def test_fine_tuning_goes_on_from_the_solved_head_and_is_never_worse_on_validation(
    trained: dict[str, Finished], name: str
) -> None:
    head, tuned = trained["frozen"].record, trained[name].record
    assert history(trained[name]) == [("head", 0), ("fine-tuning", 1), ("fine-tuning", 2)]
    assert tuned.history[0].val_loss == pytest.approx(head.history[0].val_loss, abs=1e-6)
    assert tuned.accuracy is not None
    assert tuned.accuracy.validation_loss == min(epoch.val_loss for epoch in tuned.history)
    first, second = tuned.training
    assert first.frozen > second.frozen
    assert first.trainable < second.trainable
    assert (second.solver, second.batch_norm, second.learning_rate) == ("gradient", "inference", TRAIN.learning_rate)
    assert first.path.whole is None
    assert first.path.computed == 0, "the frozen cell's features are taken"


def test_the_old_recipe_is_there_and_another_one(trained: dict[str, Finished]) -> None:
    label = "full (batch_norm=train, joint=True)"
    assert history(trained[label]) == [("all", 1), ("all", 2)]
    assert not np.allclose(probabilities(trained[label]), probabilities(trained["full"]), atol=1e-3)


@pytest.mark.parametrize("strategy", [FROZEN, PARTIAL, FULL], ids=lambda strategy: strategy.name)
def test_the_same_cell_in_fresh_processes_is_the_same_to_the_bit(
    data: DataSource,
    weights: Path,
    strategy: Named,
    trained: dict[str, Finished],
    tmp_path: Path,
) -> None:
    (again,) = run([job(data, weights, strategy=strategy)], Keep(tmp_path, 10**9))
    np.testing.assert_array_equal(probabilities(again), probabilities(trained[strategy.label]))


def test_without_kept_features_a_head_is_solved_all_the_same(
    data: DataSource,
    weights: Path,
    trained: dict[str, Finished],
) -> None:
    (alone,) = run([job(data, weights, strategy=FROZEN)], None)
    np.testing.assert_allclose(probabilities(alone), probabilities(trained["frozen"]), atol=1e-6)


@pytest.mark.parametrize(
    ("head", "classes"), [(Head(output="sigmoid"), 1), (Head(name="flatten"), 2)], ids=["sigmoid", "flatten"]
)
def test_other_linear_heads_are_solved_too(
    data: DataSource,
    weights: Path,
    head: Head,
    classes: int,
    tmp_path: Path,
) -> None:
    (finished,) = run([job(data, weights, strategy=FROZEN, head=head)], Keep(tmp_path, 10**9))
    record: Any = finished.record
    assert record.status == "ok"
    assert record.training[0].solver == "linear"
    best = record.history[0]
    assert best.val_loss < np.log(2), "better than a guess"
    assert record.counts.head.params % classes == 0


def test_heads_of_other_solvers_are_ordinary_models_and_a_search_is_none(
    data: DataSource, weights: Path, tmp_path: Path
) -> None:
    heads = {name: Head() for name in ("ridge", "cosine")}
    heads |= {name: Head(output="sigmoid") for name in ("nearest_mean", "neighbours")}
    jobs = [
        job(data, weights, strategy=Named(name="frozen", args={"solver": name}), head=head)
        for name, head in heads.items()
    ]
    found: dict[str, Any] = dict(zip(heads, run(jobs, Keep(tmp_path, 10**9)), strict=True))
    for name, finished in found.items():
        record = finished.record
        phase, head = record.training[0], record.counts.head
        assert (phase.solver, len(record.accuracy.resampled)) == (name, 20)
        assert record.accuracy.validation_loss == pytest.approx(phase.tried[phase.chosen].val_loss, abs=1e-5)
        predicted, labels = finished.predictions["validation"]
        assert -np.log(predicted[np.arange(len(labels)), labels]).mean() == pytest.approx(
            record.accuracy.validation_loss, abs=1e-4
        )
        units = {"softmax": 2, "sigmoid": 1}[heads[name].output]
        images = sum(record.data.counts["train"].values())
        kept = images * 256 if name == "neighbours" else 257 * units
        trained = 0 if name == "neighbours" else kept
        assert (head.params, head.trainable, phase.trainable) == (kept, trained, trained)
        assert record.counts.params == record.counts.backbone.params + kept
        assert head.flops == (2 * kept if name == "neighbours" else 2 * 256 * units)
        assert head.depth == (0 if name == "neighbours" else 1)
