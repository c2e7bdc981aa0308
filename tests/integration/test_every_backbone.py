"""Every strategy trains every backbone, or is refused in a sentence that says why.

The first backbone of each family trains as in a run. Its larger relatives, which are built of the same layers, train without
tracing, which takes most of the time of a single step. Two hours in all on two cores; ``-k "[EfficientNetB0- or -lora]"``
takes some. A model is not shared among strategies, since no run of tlbench does that: adapters and optimizers stay in it.
"""

from pathlib import Path
from typing import Any

import pytest

from tests import builders
from tests.narrow import present
from tlbench.backbones import registry as backbones
from tlbench.core.cell import Limit, Named
from tlbench.core.training import Training
from tlbench.datasets.prepare import prepare
from tlbench.execution import child, server
from tlbench.execution.groups import grouped
from tlbench.execution.job import Finished, Job, Keep
from tlbench.execution.outcome import Raised, Returned
from tlbench.results.record import WeightsProvenance
from tlbench.strategies import registry as strategies

LIMIT = Limit(train=2, validation=2, test=2)
"""Images a class, of two: one step."""
ARGS: dict[str, dict[str, Any]] = {
    "partial": {"trainable": 0.3},
    "surgical": {"blocks": "middle"},
    "interval": {"until_epoch": 1},
    "gradual": {"groups": 2},
}
EPOCHS = {"gradual": 2}
"""Else 1; `gradual` needs one for each of its groups."""
STRATEGIES = [
    name for name, kind in strategies.STRATEGIES.items() if kind.trains and not kind.keeps_classifier
]  # one that keeps ImageNet's classifier is refused on random weights before a worker hears of it
BACKBONES = backbones.expand_pattern("all")
TRACED = {family: name for name in reversed(BACKBONES) for family in [backbones.get(name).family]}
"""The first backbone of each family."""
TIMEOUT = 570
"""Seconds; pytest itself ends a test after 600."""
REFUSED = {
    ("VGG16", "norm"): "no normalisation layer with a scale or an offset",
    ("VGG19", "norm"): "no normalisation layer with a scale or an offset",
    ("MobileNet", "l2_sp"): "training diverged: the loss was inf",
}
"""What cannot work. Features of a MobileNet without trained weights are of the size of 1e-20, so that a head solved on
them has weights whose squares, which `l2_sp` adds to the loss, are no finite float32.
"""


def job(backbone: str, strategy: str, folder: Path) -> Job:
    size = backbones.get(backbone).min_size
    drawn = Named(name="synthetic")
    data = prepare(drawn, LIMIT, size, root=None, path=None, cache=folder, fallback_synthetic=True)
    cell = builders.cell(
        backbone=Named(name=backbone),
        weights="random",
        dataset=drawn,
        limit=LIMIT,
        strategy=Named(name=strategy, args=ARGS.get(strategy, {})),
        image_size=size,
        train=Training(epochs=EPOCHS.get(strategy, 1), batch_size=4, optimizer="adam", learning_rate=1e-4),
        timing=None,
    )
    return Job(cell, data, WeightsProvenance(source="random", fallback=False), None)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("backbone", BACKBONES)
def test_a_strategy_trains_a_backbone_or_says_why_not(
    backbone: str, strategy: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """At the smallest image size. Features of a frozen backbone, which most begin with, are computed once and kept."""
    server.start_server("tensorflow")
    folder = tmp_path_factory.getbasetemp() / "every_backbone"
    (group,) = grouped([job(backbone, strategy, folder / "data")], Keep(folder / "features", 10**9))
    found: list[Any] = []
    worker = "tlbench.worker.train" if backbone in TRACED.values() else "tests.integration.eagerly"
    outcome = child.run(f"{worker}:run_group", group, on_message=found.append, timeout=TIMEOUT)
    if sentence := REFUSED.get((backbone, strategy)):
        assert isinstance(outcome, Raised), outcome
        assert outcome.user_error, outcome.traceback
        assert sentence in outcome.message
        return
    assert isinstance(outcome, Returned), outcome
    (record,) = (one.record for one in found if isinstance(one, Finished))
    counts, most = present(record.counts), max(record.training, key=lambda phase: phase.trainable)
    assert present(record.accuracy).images == 4
    assert most.trainable == counts.trainable, "what was counted is what was trained"
    assert most.solver == ("linear" if strategy == "frozen" else "gradient")
    assert (most.trainable > counts.head.trainable) is (strategy != "frozen")
