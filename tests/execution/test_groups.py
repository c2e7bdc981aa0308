"""Which cells share a model, and in which order they run."""

from pathlib import Path
from typing import Any

import pytest

from tests import builders
from tlbench.core.cell import Head, Named
from tlbench.core.training import Augmentation
from tlbench.datasets.names import SPLITS
from tlbench.datasets.source import ArraySplit, DataSource
from tlbench.execution.groups import grouped, in_turns
from tlbench.execution.job import Job, Keep
from tlbench.results.record import WeightsProvenance

KEEP = Keep(Path("features"), 10**9)
FROZEN, FULL, PARTIAL = Named(name="frozen"), Named(name="full"), Named(name="partial", args={"trainable": 0.3})
SMALL = Named(name="MobileNet", args={"alpha": 0.25})
V2 = Named(name="MobileNetV2", args={"alpha": 0.35})


def job(source: str = "imagenet", fingerprint: str = "f", **changes: Any) -> Job:
    train = builders.cell().train
    assert train is not None
    cell = builders.cell(**{"train": train.model_copy(update=changes.pop("train", {})), **changes})
    splits = {name: ArraySplit(Path(name), Path(name), 96, {"cat": 1, "dog": 1}) for name in SPLITS}
    data = DataSource("cats_dogs", ("cat", "dog"), "real", "", fingerprint, splits)
    real = source == "imagenet"
    weights = WeightsProvenance(source="imagenet" if real else "random", fallback=False, sha256="s" if real else None)
    return Job(cell, data, weights, None)


def shape(jobs: list[Job]) -> list[list[str]]:
    return [
        [f"{one.cell.strategy.name} {one.cell.backbone.name} {one.cell.seed}" for one in group.jobs]
        for group in grouped(jobs, KEEP)
    ]


def test_seeds_and_rates_share_a_model() -> None:
    jobs = [job(seed=seed, train={"learning_rate": rate}) for seed in (0, 1) for rate in (1e-3, 1e-4)]
    (group,) = grouped(jobs, KEEP)
    assert list(group.jobs) == jobs


@pytest.mark.parametrize(
    "changes",
    [
        {"strategy": FULL},
        {"head": Head(hidden=(8,))},
        {"backbone": V2},
        {"image_size": 64},
        {"precision": "mixed_float16"},
        {"train": {"optimizer": "sgd"}},
        {"train": {"augmentation": Augmentation(flip=True)}},
        {"train": {"label_smoothing": 0.1}},
        {"train": {"weight_decay": 0.0}},
        {"train": {"mixup": 0.2}},
        {"fingerprint": "other"},
    ],
)
def test_other_structures_and_other_images_do_not(changes: dict[str, Any]) -> None:
    assert len(grouped([job(), job(**changes)], KEEP)) == 2


def test_random_weights_are_another_backbone_for_each_seed() -> None:
    assert len(grouped([job("random", seed=0), job("random", seed=1)], KEEP)) == 2


def test_cells_of_the_same_fixed_layers_follow_each_other_and_know_each_others_cuts() -> None:
    jobs = [job(strategy=FROZEN), job(strategy=FROZEN, backbone=V2), job(strategy=PARTIAL), job(strategy=FULL)]
    assert shape(jobs) == [
        ["frozen MobileNet 0"],
        ["partial MobileNet 0"],
        ["full MobileNet 0"],
        ["frozen MobileNetV2 0"],
    ]
    first, second, third, _ = grouped(jobs, KEEP)
    assert first.keep is not None
    assert second.keep is not None
    assert third.keep is not None
    assert first.keep.others == ((PARTIAL, Head()), (FULL, Head()))
    assert second.keep.others == ((FROZEN, Head()), (FULL, Head()))
    assert third.keep.others == ((FROZEN, Head()), (PARTIAL, Head()))


def test_several_workers_begin_with_what_shares_nothing() -> None:
    jobs = [job(strategy=one, backbone=two) for two in (SMALL, V2) for one in (FROZEN, FULL)]
    order = [
        (group.jobs[0].cell.backbone.name, group.jobs[0].cell.strategy.name) for group in in_turns(grouped(jobs, KEEP))
    ]
    assert order == [("MobileNet", "frozen"), ("MobileNetV2", "frozen"), ("MobileNet", "full"), ("MobileNetV2", "full")]
    assert in_turns([]) == []


def test_images_that_change_at_random_need_no_features() -> None:
    jobs = [job(strategy=FROZEN), job(strategy=PARTIAL, train={"augmentation": Augmentation(flip=True)})]
    keep = grouped(jobs, KEEP)[0].keep
    assert keep is not None
    assert keep.others == ()


def test_without_keeping_no_group_has_a_place_for_features() -> None:
    assert [group.keep for group in grouped([job(), job(strategy=FULL)], None)] == [None, None]


def test_originals_are_groups_of_their_own() -> None:
    one = job()
    original = Job(
        builders.cell(train=None, head=Head(name="imagenet"), strategy=Named(name="pretrained")),
        None,
        one.weights,
        None,
    )
    groups = grouped([original, one], KEEP)
    assert [len(group.jobs) for group in groups] == [1, 1]
    assert [group.keep for group in groups] == [KEEP, KEEP]
