"""What `plan` says of shared work, and `report --profile` of the time it took."""

from typing import Any

import pytest

from tests import builders
from tests.execution.test_groups import FROZEN, FULL, PARTIAL, V2
from tlbench.core.cell import Head, Named
from tlbench.core.training import Augmentation
from tlbench.costs.work import uses_features
from tlbench.execution.predicted import cost_sentences, predicted
from tlbench.execution.sharing import estimates, shared_work
from tlbench.reporting.document import Table, plain
from tlbench.reporting.plots import Look
from tlbench.reporting.render import terminal
from tlbench.reporting.report import RunRecord
from tlbench.reporting.views import profile, training
from tlbench.results.measured import Usage
from tlbench.results.record import Record
from tlbench.results.trained import TrainedPhase, TrainingPath

IMAGES = {"train": 320, "validation": 100, "test": 50}
ANEW = builders.cell().training.model_copy(update={"augmentation": Augmentation(flip=True)})
"""Settings with which every epoch changes the images."""


def trained(path: TrainingPath, **phases: float) -> Record:
    return builders.record().model_copy(update={"path": path, "phases": phases})


def shown(record: Record) -> dict[str, str]:
    """The cells of the profile's second table, by heading; columns without any number are left out."""
    _, used, *_ = profile.blocks([RunRecord("run", record)])
    assert isinstance(used, Table)
    (row,) = used.rows
    return {plain(column.heading): plain(cell) for column, cell in zip(used.columns, row, strict=True)}


def test_what_is_shared_is_counted() -> None:
    cells = [builders.cell(strategy=one, seed=seed) for one in (FROZEN, PARTIAL, FULL) for seed in (0, 1)]
    cells.append(builders.cell(backbone=V2))
    assert shared_work(cells) == [
        "Training: 1 set of images decoded once, 4 models built and traced, frozen layers run over the images of 2 pairs "
        "of backbone and data.",
        "Step times: 6 measurements for the 14 that the cells ask for.",
    ]


def test_frozen_layers_are_run_only_for_cells_that_have_some() -> None:
    scratch = [builders.cell(strategy=Named(name="scratch"), weights="random", seed=seed) for seed in (0, 1)]
    assert shared_work(scratch)[0] == "Training: 1 set of images decoded once, 2 models built and traced."
    changed = builders.cell(strategy=FULL, train=ANEW, head=Head(hidden=(8,)))
    assert shared_work([changed])[0] == "Training: 1 set of images decoded once, 1 model built and traced."
    said = shared_work([*scratch, changed, builders.cell(strategy=FULL)])[0]
    assert said.endswith("4 models built and traced, frozen layers run over the images of 1 pair of backbone and data.")


@pytest.mark.parametrize(
    ("changes", "used"),
    [
        ({}, True),
        ({"strategy": FULL}, True),
        ({"strategy": Named(name="scratch")}, False),
        ({"strategy": PARTIAL, "train": ANEW}, True),
        ({"strategy": PARTIAL, "train": ANEW, "head": Head(hidden=(8,))}, False),
        ({"strategy": Named(name="frozen", args={"solver": "gradient"}), "train": ANEW}, False),
        ({"backbone": Named(name="OfAPlugin")}, True),
        ({"backbone": Named(name="OfAPlugin"), "strategy": Named(name="scratch")}, False),
    ],
)
def test_features_take_time_and_room_only_where_a_phase_uses_them(changes: dict[str, Any], used: bool) -> None:
    cell = builders.cell(**changes)
    assert uses_features(cell) is used
    if cost := predicted([cell], lambda _: IMAGES, []).get(cell.id):
        assert bool(cost.features) is used
        said = cost_sentences([cell], {cell.id: cost}, 10**12)[0]
        assert ("pooled features" in said) is used


def test_time_and_disk_are_those_of_earlier_runs() -> None:
    cut = TrainingPath(whole=None, shapes=((256,),), bytes_per_image=1024, computed=1000)
    record = trained(cut, build=1.0, train=4.0)
    assert record.data is not None
    images = sum(sum(counts.values()) for counts in record.data.counts.values())
    (said,) = estimates([record.cell, builders.cell(seed=7)], [record])
    assert said.startswith("Earlier, 1 of these cells took 5 s")
    assert f"{images * 1024 / 1e6:.1f} MB of features" in said
    assert estimates([builders.cell(seed=7)], [record]) == []


def test_arithmetic_is_forward_passes_and_training_steps() -> None:
    cut = TrainingPath(whole=None, shapes=((256,),), bytes_per_image=1024, computed=640, forward=0.002, step=0.01)
    record = trained(cut, build=1.0, features=1.0, train=2.0, evaluate=0.5)
    assert record.data is not None
    images = sum(record.data.counts["train"].values())
    steps = len(record.history) * -(-images // 32)
    expected = 640 * 0.002 + steps * 0.01
    assert profile.arithmetic(record) == pytest.approx(expected)
    assert record.timings is not None
    at_step = 640 * record.timings.inference.median / 32 + steps * 0.01
    assert profile.arithmetic_at_step(record) == pytest.approx(at_step)
    assert shown(record)["At the timed inference step"] == f"{at_step / 4.5:.0%}"
    assert shown(record)["Share"] == f"{expected / 4.5:.0%}"
    assert profile.arithmetic_at_step(record.model_copy(update={"timings": None})) is None


def test_each_phase_counts_with_its_own_path() -> None:
    """A head trained on features for two epochs, then the whole model for one."""
    on_features = TrainingPath(whole=None, computed=640, forward=0.002, step=0.001)
    whole = TrainingPath(whole="every layer is trained", step=0.1)
    made: dict[str, Any] = {
        "solver": "gradient",
        "frozen": 0,
        "trainable": 1,
        "learning_rate": 0.1,
        "batch_norm": "inference",
    }
    phases = (
        TrainedPhase(name="head", epochs=2, path=on_features, **made),
        TrainedPhase(name="fine-tuning", epochs=1, path=whole, **made),
    )
    record = trained(whole, train=9.0)
    epochs = [("head", 1), ("head", 2), ("fine-tuning", 1)]
    history = tuple(record.history[0].model_copy(update={"phase": name, "epoch": at}) for name, at in epochs)
    of_phases = record.model_copy(update={"training": phases, "history": history})
    assert record.data is not None
    steps = -(-sum(record.data.counts["train"].values()) // 32)
    assert profile.arithmetic(of_phases) == pytest.approx(640 * 0.002 + 2 * steps * 0.001 + steps * 0.1)
    drawn = training.panels([("full", [of_phases])], [Look(0, 0)])
    assert [x for x, _ in drawn[0].lines[0].points] == [1, 2, 3], "epochs are counted through"


def test_without_its_measurements_there_is_no_share() -> None:
    unknown = trained(TrainingPath(whole=None, computed=640, step=0.01), train=2.0)
    assert profile.arithmetic(unknown) is None
    assert profile.arithmetic(trained(TrainingPath(whole="asked for"), train=2.0)) is None
    assert "Share" not in shown(unknown)
    known = trained(TrainingPath(whole=None, computed=640, forward=0.002, step=0.01), train=2.0)
    both = [RunRecord("run", each) for each in (unknown, known)]
    assert "—" in terminal.text(profile.blocks(both)[1]), "a dash beside one that has it"


def test_the_kernels_share_and_faults_of_a_step_are_shown() -> None:
    step = Usage(user=0.75, system=0.25, faults=1234.4)
    record = trained(TrainingPath(whole="every layer is trained", step_usage=step), build=1.0)
    usage = {"build": Usage(user=1.0, system=1.0, faults=5), "train": Usage(user=6.5, system=1.5, faults=7)}
    with_usage = record.model_copy(update={"usage": usage})
    found = [
        [shown(each).get(heading) for heading in ("Kernel", "Kernel, a step", "Faults a step")]
        for each in (with_usage, record)
    ]
    assert found == [["25%", "25%", "1,234"], [None, "25%", "1,234"]]
