"""Every strategy trains what it says, and leaves the rest as it is, to the bit."""

from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.integration.test_cut_training import SGD, check_same, job, probabilities, run
from tlbench.core.cell import Named
from tlbench.core.training import EarlyStopping
from tlbench.datasets.source import DataSource
from tlbench.execution import child
from tlbench.execution.groups import grouped
from tlbench.execution.job import Keep
from tlbench.execution.outcome import Returned

TRAIN = SGD.model_copy(
    update={"epochs": 3, "early_stopping": EarlyStopping(patience=9, restore_best=False)}
)  # the last epoch's weights, whatever validation says of them
STRATEGIES = {
    "lora": Named(name="lora", args={"rank": 2}),
    "gradual": Named(name="gradual"),
    "interval": Named(name="interval", args={"from_epoch": 2, "until_epoch": 2}),
    "norm": Named(name="norm"),
    "bias": Named(name="bias"),
    "first": Named(name="surgical", args={"blocks": "first"}),
    "middle": Named(name="surgical", args={"blocks": "middle"}),
    "last": Named(name="surgical", args={"blocks": "last"}),
    "layerwise": Named(name="layerwise", args={"decay": 0.7, "head_rate": 0.02}),
}
FAST = ("lora", "interval", "middle")
ALL = [pytest.param(name, marks=() if name in FAST else pytest.mark.slow) for name in STRATEGIES]


Compared = Callable[[str], Any]


@pytest.fixture(scope="module")
def compared(data: DataSource, weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Compared:
    """What the training of a strategy, which happens once, did to the backbone."""

    @cache
    def of(name: str) -> Any:
        keep = Keep(tmp_path_factory.mktemp("features"), 10**9)
        (group,) = grouped([job(data, weights, strategy=STRATEGIES[name], train=TRAIN)], keep)
        outcome = child.run("tests.targets:train_and_compare", group, timeout=600)
        assert isinstance(outcome, Returned), outcome
        return outcome.value

    return of


@pytest.mark.parametrize("name", ALL)
def test_what_must_move_moves_and_the_rest_is_equal_to_the_bit(name: str, compared: Compared) -> None:
    everything, moved, part, trained, merged = compared(name)
    head, *tuning = trained.phases
    assert head.solver == "linear"
    assert head.trained == "no layer of the backbone"
    assert sum(phase.epochs for phase in tuning) == 3
    assert trained.kept == 3
    if name == "lora":  # its factors are drawn, trained, merged into the kernels and emptied
        assert merged
        part = [one for one in part if not one.endswith("_b")]
        part += [one.replace("lora_kernel_a", "kernel") for one in part]
    assert set(moved) == set(part)
    if name == "layerwise":
        (one,) = tuning
        firsts, rates = zip(*one.rates, strict=True)
        assert firsts[0] == 0
        assert list(firsts) == sorted(set(firsts))
        assert rates[0] == one.lowest_rate
        assert [low / high for low, high in pairwise(rates)] == pytest.approx([0.7] * (len(rates) - 1))
        assert rates[-1] == pytest.approx(0.7 * one.learning_rate)
    if name in ("gradual", "interval", "layerwise"):
        assert {one.rpartition("/")[2] for one in set(everything) - set(moved)} == {"moving_mean", "moving_variance"}
    else:
        assert len(moved) < len(everything) * 0.7


def test_an_interval_does_not_train_on_features_of_what_it_has_changed(compared: Compared) -> None:
    *_, trained, _ = compared("interval")
    before, both, after = trained.phases[1:]
    assert before.path.whole is None
    assert both.path.whole == "every layer is trained"
    assert after.path.whole == "the fixed layers were trained in an earlier phase"
    assert before.trainable == after.trainable < both.trainable


PARTIAL = Named(name="partial", args={"trainable": 0.5, "head_rate": 0.02})


@pytest.mark.slow
@pytest.mark.parametrize("strategy", [STRATEGIES["last"], STRATEGIES["middle"], PARTIAL], ids=lambda one: one.label)
def test_a_phase_that_is_cut_gives_the_weights_of_the_whole_model(
    data: DataSource, weights: Path, strategy: Named, tmp_path: Path
) -> None:
    check_same([job(data, weights, strategy=strategy, train=TRAIN)], tmp_path)


TWO = TRAIN.model_copy(update={"epochs": 2})
SEVERAL = {
    **{name: STRATEGIES[name] for name in ("lora", "norm", "interval", "layerwise")},
    "gradual": Named(name="gradual", args={"groups": 2}),
    "wise_ft": Named(name="wise_ft", args={"alpha": 0.5}),
    "ema": Named(name="ema", args={"head_rate": 0.02}),
    **{name: Named(name=name) for name in ("l2_sp", "soup")},
}


RERUN = ("lora", "gradual", "layerwise")
"""Of these the first seed, which finds the model as it was built, is trained once more as well."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name == "lora" else pytest.mark.slow) for name in SEVERAL]
)
def test_seeds_of_a_group_are_to_the_bit_as_each_alone_in_a_fresh_process(
    data: DataSource, weights: Path, name: str, tmp_path: Path
) -> None:
    """One model serves a group: what the first seed leaves in it (factors, averages, statistics) must not stay."""
    # With labels in parts the solved head, which all seeds have, is not among the weights that may be kept.
    train = TWO.model_copy(update={"label_smoothing": 0.1})
    jobs = [job(data, weights, strategy=SEVERAL[name], train=train, seed=seed) for seed in (0, 1)]
    assert len(grouped(jobs, None)) == 1
    together = run(jobs, Keep(tmp_path, 10**9))
    first, second = together
    assert not np.array_equal(probabilities(first), probabilities(second)), "what is compared depends on the seed"
    for number in (0, 1) if name in RERUN else (1,):
        one, (alone,) = together[number], run([jobs[number]], Keep(tmp_path, 10**9))
        np.testing.assert_array_equal(probabilities(one), probabilities(alone))
        assert [epoch.val_loss for epoch in one.record.history] == [epoch.val_loss for epoch in alone.record.history]
        assert [epoch.loss for epoch in one.record.history] == [epoch.loss for epoch in alone.record.history]
