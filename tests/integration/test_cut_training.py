"""Training on what the cut hands over is training the whole model; cells of a group are as if each ran alone."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import builders
from tlbench.core.cell import Head, Limit, Named
from tlbench.core.training import Augmentation, Training
from tlbench.datasets.prepare import prepare
from tlbench.datasets.source import DataSource
from tlbench.execution import child
from tlbench.execution.groups import grouped
from tlbench.execution.job import Finished, Job, Keep
from tlbench.execution.outcome import Returned
from tlbench.results.record import WeightsProvenance

LIMIT = Limit(train=24, validation=8, test=16)
FROZEN, PARTIAL = Named(name="frozen"), Named(name="partial", args={"trainable": 0.3})
LATER = (Named(name="surgical", args={"blocks": "middle"}), Named(name="gradual", args={"groups": 2}))
"""One trains below what is frozen too, one is cut at another place in each phase."""
EACH = [FROZEN, PARTIAL, *(pytest.param(one, marks=pytest.mark.slow) for one in LATER)]
GRADIENT = Named(name="frozen", args={"solver": "gradient"})
TRAIN = Training(epochs=2, batch_size=16, optimizer="adam", learning_rate=1e-4)
SMALL = Named(name="MobileNet", args={"alpha": 0.25})
SHORT = Named(name="ShortMobileNet")
"""Of tests/data/short_mobilenet.py, for what is the same of any backbone."""


def make_data(cache: Path) -> DataSource:
    return prepare(
        Named(name="synthetic"), LIMIT, 48, root=None, path=None, cache=cache, fallback_synthetic=True
    )  # fmt: skip


def save_weights(backbone: Named, data: DataSource, folder: Path) -> Path:
    """Random weights in a file, with the statistics of their BatchNormalization taken from the data."""
    path = folder / "some.weights.h5"
    outcome = child.run("tests.targets:save_backbone", (backbone, data, str(path)), timeout=120)
    assert isinstance(outcome, Returned), outcome
    return path


def job(data: DataSource, weights: Path, **changes: Any) -> Job:
    fields = {"backbone": SHORT, "image_size": 48, "dataset": Named(name="synthetic"), "limit": LIMIT}
    cell = builders.cell(**{**fields, "train": TRAIN, "timing": None, **changes})
    return Job(cell, data, WeightsProvenance(source="imagenet", fallback=False, sha256="of a test"), weights)


def run(jobs: Sequence[Job], keep: Keep | None) -> list[Finished]:
    found: list[Any] = []
    for group in grouped(jobs, keep):
        outcome = child.run("tests.targets:train", group, on_message=found.append, timeout=300)
        assert isinstance(outcome, Returned), outcome
    return [one for one in found if isinstance(one, Finished)]


def probabilities(finished: Finished) -> np.ndarray:
    return finished.predictions["test"][0]


SGD = TRAIN.model_copy(update={"optimizer": "sgd", "learning_rate": 0.01})
"""Adam divides a gradient by its size: an element whose gradient is nothing but rounding still moves by a whole rate."""
SLOWLY = SGD.model_copy(update={"learning_rate": 0.001})
"""For all layers of networks with random weights, which 0.01 takes to infinity."""


def check_same(jobs: Sequence[Job], folder: Path) -> None:
    """Cut and whole: the same weights after training, and the same predictions."""
    for group in grouped(jobs, Keep(folder, 10**9)):
        outcome = child.run("tests.targets:train_cut_and_whole", group, timeout=600)
        assert isinstance(outcome, Returned), outcome
        paths, moved, weights, predictions = outcome.value
        assert any(path.whole is None for path in paths)
        assert moved > 1e-3
        assert weights <= 1e-4
        assert predictions <= 1e-4


@pytest.mark.parametrize(
    ("backbone", "strategy"),
    [
        (SHORT, FROZEN),
        (SMALL, PARTIAL),
        *(
            pytest.param(backbone, strategy, marks=pytest.mark.slow)
            for backbone in (SMALL, *(Named(name=name) for name in ("ResNet50", "DenseNet121", "EfficientNetB0")))
            for strategy in (FROZEN, PARTIAL, *LATER)
            if (backbone, strategy) != (SMALL, PARTIAL)
        ),
    ],
    ids=lambda one: one.name,
)
def test_cut_and_whole_training_give_the_same_weights(
    data: DataSource, backbone: Named, strategy: Named, tmp_path: Path
) -> None:
    weights = save_weights(backbone, data, tmp_path)
    head = Head(hidden=(8,), dropout=0.3)
    train = SLOWLY if strategy.name == "gradual" else SGD
    check_same(
        [job(data, weights, backbone=backbone, strategy=strategy, head=head, train=train)], tmp_path / "features"
    )


@pytest.mark.slow
@pytest.mark.real_weights
@pytest.mark.parametrize("strategy", EACH, ids=lambda one: one.name)
def test_cut_and_whole_training_give_the_same_weights_from_imagenet(
    data: DataSource, real_weights: Path, strategy: Named, tmp_path: Path
) -> None:
    """MobileNetV2 with random weights is of no use here: its linear bottlenecks leave little but rounding."""
    backbone = Named(name="MobileNetV2", args={"alpha": 0.35})
    weights = real_weights / "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_224_no_top.h5"
    head = Head(hidden=(8,), dropout=0.3)
    check_same([job(data, weights, backbone=backbone, strategy=strategy, head=head, train=SGD)], tmp_path)


@pytest.mark.parametrize("strategy", [FROZEN, PARTIAL, Named(name="full")], ids=lambda one: one.name)
def test_seeds_of_a_group_are_as_if_each_ran_alone(
    data: DataSource, weights: Path, strategy: Named, tmp_path: Path
) -> None:
    head = Head(hidden=(8,), dropout=0.3)
    jobs = [job(data, weights, strategy=strategy, head=head, seed=seed) for seed in (0, 1)]
    together = run(jobs, Keep(tmp_path, 10**9))
    second = together[1]
    (alone,) = run(jobs[1:], Keep(tmp_path, 10**9))  # the first finds the model as it was built, together or alone
    assert second.record.cell_id == alone.record.cell_id
    np.testing.assert_array_equal(probabilities(second), probabilities(alone))
    assert [epoch.loss for epoch in second.record.history] == [epoch.loss for epoch in alone.record.history]
    assert not np.array_equal(probabilities(together[0]), probabilities(together[1]))


@pytest.mark.parametrize("strategy", [GRADIENT, PARTIAL], ids=lambda one: one.name)
def test_rates_and_epochs_of_a_group_are_as_if_each_ran_alone(
    data: DataSource, weights: Path, strategy: Named, tmp_path: Path
) -> None:
    trains = [TRAIN.model_copy(update=one) for one in ({}, {"learning_rate": 1e-3}, {"epochs": 1})]
    jobs = [job(data, weights, strategy=strategy, train=train) for train in trains]
    assert len(grouped(jobs, None)) == 1
    together = run(jobs, Keep(tmp_path, 10**9))
    for one, asked in zip(together, trains, strict=True):
        last = one.record.training[-1]
        assert (last.learning_rate, last.epochs) == (asked.learning_rate, asked.epochs)
        assert one.record.history[-1].epoch == asked.epochs
    (alone,) = run(jobs[1:2], Keep(tmp_path, 10**9))
    np.testing.assert_array_equal(probabilities(together[1]), probabilities(alone))
    assert together[0].record.history[-1].loss != together[1].record.history[-1].loss


def test_changed_images_are_drawn_anew_for_each_seed_of_a_group(data: DataSource, weights: Path) -> None:
    changed = TRAIN.model_copy(update={"augmentation": Augmentation(flip=True, shift=0.1)})
    jobs = [job(data, weights, strategy=FROZEN, train=changed, seed=seed) for seed in (0, 1)]
    together = run(jobs, None)
    (alone,) = run(jobs[1:], None)
    np.testing.assert_array_equal(probabilities(together[1]), probabilities(alone))


VIEWS = Augmentation(flip=True, shift=0.1, rotation=10, views=2)


@pytest.mark.parametrize("strategy", [FROZEN, PARTIAL], ids=lambda one: one.name)
def test_views_are_the_same_images_cut_and_whole(
    data: DataSource, weights: Path, strategy: Named, tmp_path: Path
) -> None:
    train = SGD.model_copy(update={"augmentation": VIEWS, "epochs": 3})
    check_same([job(data, weights, strategy=strategy, train=train)], tmp_path)


def test_views_are_kept_for_all_seeds_and_differ_from_plain_images(
    data: DataSource, weights: Path, tmp_path: Path
) -> None:
    train = TRAIN.model_copy(update={"augmentation": VIEWS})
    jobs = [job(data, weights, strategy=GRADIENT, train=train, seed=seed) for seed in (0, 1)]
    first, second = run(jobs, Keep(tmp_path, 10**9))
    counts = {split: sum(classes.values()) for split, classes in data.provenance().counts.items()}
    assert first.record.path is not None
    assert second.record.path is not None
    assert first.record.path.computed == 2 * counts["train"] + counts["validation"] + counts["test"]
    assert second.record.path.computed == 0
    (plain,) = run([job(data, weights, strategy=GRADIENT)], Keep(tmp_path, 10**9))
    assert plain.record.history[0].loss != first.record.history[0].loss
    (alone,) = run(jobs[1:], None)
    np.testing.assert_allclose(probabilities(alone), probabilities(second), atol=1e-4)


def test_damaged_features_are_made_again_and_named(data: DataSource, weights: Path, tmp_path: Path) -> None:
    jobs = [job(data, weights, strategy=FROZEN)]
    (before,) = run(jobs, Keep(tmp_path, 10**9))
    (file, *_) = sorted(tmp_path.glob("*/0.raw"))
    content = bytearray(file.read_bytes())
    content[100] ^= 1
    file.write_bytes(bytes(content))
    (after,) = run(jobs, Keep(tmp_path, 10**9))
    assert after.record.path is not None
    assert after.record.path.rebuilt == (f"{file.parent.name}: 0.raw is not what was written",)
    np.testing.assert_array_equal(probabilities(before), probabilities(after))


def test_where_features_do_not_fit_the_model_is_trained_whole(data: DataSource, weights: Path, tmp_path: Path) -> None:
    (finished,) = run([job(data, weights, strategy=GRADIENT)], Keep(tmp_path, 1000))
    assert finished.record.status == "ok"
    assert finished.record.path is not None
    assert finished.record.path.whole is not None
    assert "more than the cache may hold (1 KB)" in finished.record.path.whole
