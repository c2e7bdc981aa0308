"""Weights that a strategy needs beside the backbone's: found, or refused before anything is decoded; what is told."""

import dataclasses
import errno
import fcntl
import hashlib
import os
import re
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests import builders
from tests.weights_files import write_weights
from tlbench.backbones import drawn
from tlbench.backbones.weights import StandIn
from tlbench.cache.download import DownloadError, file_digest
from tlbench.core import plugin_files
from tlbench.core.cell import Cell, Head, Limit, Named
from tlbench.core.errors import UserError
from tlbench.datasets.source import DataSource
from tlbench.execution.inputs import Inputs, find_inputs
from tlbench.execution.job import Places
from tlbench.execution.plugins import Plugins
from tlbench.execution.resume import _no_others, same_inputs
from tlbench.results.images import Duplicates, SplitAudit

BELOW, WHOLE = "mobilenet_2_5_224_tf_no_top.h5", "mobilenet_2_5_224_tf.h5"
VGG16, VGG16_WHOLE = (f"vgg16_weights_tf_dim_ordering_tf_kernels{end}.h5" for end in ("_notop", ""))
CELL = builders.cell(strategy=Named(name="co_tuning"), dataset=Named(name="synthetic"))
FEW = CELL.limit.model_copy(update={"train": 1, "validation": 1, "test": 1})


@pytest.fixture(autouse=True)
def _no_other_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("TLBENCH_OFFLINE", "1")


def found(folder: Path, cell: Cell = CELL, instead: StandIn | None = "random") -> Inputs:
    places = Places(None, folder, folder / "cache", None, {}, True, instead)
    return find_inputs([cell], places)


def test_both_files_go_to_the_worker_and_into_the_record(tmp_path: Path) -> None:
    write_weights(tmp_path / BELOW, b"below")
    write_weights(tmp_path / WHOLE, b"whole")
    small = CELL.model_copy(update={"image_size": 32, "limit": CELL.limit.model_copy(update={"train": 1})})
    inputs = found(tmp_path, small)
    job = inputs.job(small)
    assert (job.weights_path, job.classifier_path) == (tmp_path / BELOW, tmp_path / WHOLE)
    assert (job.weights.file, job.weights.classifier) == (BELOW, WHOLE)
    full = inputs.job(small.model_copy(update={"strategy": Named(name="full")}))
    assert (full.classifier_path, full.weights.classifier) == (None, None)

    record = builders.record(small, weights=job.weights, data=job.images.provenance())
    assert same_inputs(record, inputs, Plugins())
    write_weights(tmp_path / WHOLE, b"another")
    assert not same_inputs(record, found(tmp_path, small), Plugins())


def test_limits_beyond_what_there_is_are_told_to_take_the_same_images(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    for split, label in product(("train", "validation", "test"), "ab"):
        for number in range(6):
            file = tmp_path / "few" / split / label / f"{number}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(draw.integers(0, 256, (8, 8, 3), np.uint8)).save(file)
    cells = [
        builders.cell(dataset=Named(name="few"), limit=Limit(train=images), image_size=32, weights="random")
        for images in (3, 100, 200)
    ]
    places = Places(None, None, tmp_path / "cache", None, {"few": tmp_path / "few"}, False, "random")
    assert find_inputs(cells, places).notes() == [
        "few: 100 and 200 training images per class are the same images, since there are no more"
    ]


def test_a_stand_in_is_told_of_a_data_set_by_its_label(tmp_path: Path) -> None:
    chosen = Named(name="intel", args={"classes": '["forest", "sea"]'})
    (tmp_path / "data").mkdir()
    cell = builders.cell(dataset=chosen, limit=FEW, image_size=32, weights="random")
    inputs = find_inputs([cell], Places(tmp_path / "data", None, tmp_path / "cache", None, {}, True, "random"))
    (sentence,) = inputs.fallbacks()
    assert sentence.startswith('intel (classes=["forest", "sea"]): no photographs found, SYNTHETIC pictures stand in')
    assert inputs.job(cell).images.provenance().fallback


def test_a_file_of_weights_is_hashed_once_for_all_sizes_and_again_where_it_is_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed = list[Path]()

    def noted(path: Path, algorithm: str) -> str:
        hashed.append(path)
        return file_digest(path, algorithm)

    monkeypatch.setattr("tlbench.cache.digests.file_digest", noted)
    plain = CELL.model_copy(update={"strategy": Named(name="full"), "limit": FEW})
    cells = [plain.model_copy(update={"image_size": size}) for size in (32, 40)]
    places = Places(None, tmp_path, tmp_path / "cache", None, {}, True, "random")
    for content in (b"below", b"another"):
        write_weights(tmp_path / BELOW, content)
        inputs, there = find_inputs(cells, places), (tmp_path / BELOW).read_bytes()
        assert {inputs.job(cell).weights.sha256 for cell in cells} == {hashlib.sha256(there).hexdigest()}
    assert hashed == [tmp_path / BELOW] * 2


@pytest.mark.parametrize(
    ("then", "now", "same"),
    [
        ({}, {"my.py": "1"}, True),  # what was made without the file does not rest on it
        ({"my.py": "1"}, {"my.py": "1"}, True),
        ({"my.py": "1"}, {"my.py": "2"}, False),
        ({"my.py": "1"}, {"moved.py": "1"}, True),
        ({"my.py": "1"}, {"moved.py": "2"}, False),
        ({"my.py": "1"}, {"my.py": "1", "another.py": "2"}, True),
        ({"my.py": "1", "gone.py": "3"}, {"my.py": "1", "another.py": "2"}, False),
        ({"my.py": "1", "view.py": "3"}, {"my.py": "1", "another.py": "2", "view.py": "4"}, True),
        ({"my.py": "1"}, {"view.py": "2"}, True),
    ],
)
def test_a_record_of_other_code_in_a_plugin_rests_on_other_inputs_whatever_the_file_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, then: dict[str, str], now: dict[str, str], same: bool
) -> None:
    cell = CELL.model_copy(update={"strategy": Named(name="full"), "image_size": 32})
    inputs = found(tmp_path, cell)
    record = builders.record(cell, weights=inputs.job(cell).weights, data=inputs.job(cell).images.provenance())
    record = record.model_copy(update={"environment": record.environment.model_copy(update={"plugins": then})})
    numbers = {file: sha256 for file, sha256 in now.items() if file != "view.py"}
    monkeypatch.setattr(plugin_files, "hashes", lambda groups=plugin_files.GROUPS: now if len(groups) > 5 else numbers)
    assert same_inputs(record, inputs, Plugins()) is same


def test_all_weights_that_are_missing_are_named_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TLBENCH_OFFLINE", "1")
    names = ("MobileNetV2", "VGG16", "EfficientNetB0")
    cells = [builders.cell(backbone=Named(name=name), dataset=CELL.dataset, image_size=96) for name in names]
    with pytest.raises(UserError) as told:
        find_inputs([*cells, *cells], Places(None, tmp_path, tmp_path / "cache", None, {}, True, None))
    head, *files, way_out = str(told.value).splitlines()
    assert head == (
        f"ImageNet weights of MobileNetV2, VGG16 and EfficientNetB0: 3 files are not in {tmp_path} or "
        f"{tmp_path / 'keras' / 'models'}:"
    )
    of = dict(zip(names, ("mobilenet_v2_weights", "vgg16_weights", "efficientnetb0_notop"), strict=True))
    for line, (name, file) in zip(files, of.items(), strict=True):
        assert re.fullmatch(
            rf"  {file}\S*\.h5 \({name}\): TLBENCH_OFFLINE is set, so nothing is fetched; "
            rf"it is available at https://\S*/{file}\S*\.h5",
            line,
        )
    assert way_out.startswith(
        "Put them in a folder and give that with `weights` or TLBENCH_WEIGHTS, or allow stand-ins"
    )


def test_each_file_that_is_missing_has_its_own_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One refused download is enough; what was not asked for is not said to have failed, nor to be off."""
    asked = list[str]()

    def refused(url: str, target: Path, digest: str | None) -> None:
        asked.append(url)
        raise DownloadError(f"{url} cannot be reached (no network)")

    monkeypatch.delenv("TLBENCH_OFFLINE")
    monkeypatch.setattr("tlbench.backbones.weights.fetch", refused)
    cells = [builders.cell(backbone=Named(name=name), dataset=CELL.dataset) for name in ("VGG16", "VGG19")]
    with pytest.raises(UserError) as told:
        find_inputs(cells, Places(None, tmp_path, tmp_path / "cache", None, {}, True, None))
    _, first, second, _ = str(told.value).splitlines()
    vgg16, vgg19 = (f"{name}_weights_tf_dim_ordering_tf_kernels_notop.h5" for name in ("vgg16", "vgg19"))
    (url,) = asked
    assert first == f"  {vgg16} (VGG16): {url} cannot be reached (no network)"
    assert second.startswith(
        f"  {vgg19} (VGG19): no download was tried, after {vgg16} could not be had; it is available "
    )
    assert second.endswith(f"/{vgg19}")


def test_weights_trained_at_another_size_are_no_stand_in(tmp_path: Path) -> None:
    there, wanted = (f"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_{size}_no_top.h5" for size in (224, 96))
    write_weights(tmp_path / there, b"weights")
    cell = builders.cell(
        backbone=Named(name="MobileNetV2", args={"alpha": 0.35}), dataset=CELL.dataset, limit=FEW, image_size=96
    )
    inputs = found(tmp_path, cell)
    assert inputs.notes() == [
        f"MobileNetV2 (alpha=0.35), 96 px: {there} is used instead of {wanted}, the official weights for images of "
        "this size"
    ]
    assert inputs.job(cell).weights.fallback is False


@pytest.mark.parametrize("harm", ["cut off", "of another kind"])
def test_damaged_files_of_weights_are_all_named_before_anything_begins(tmp_path: Path, harm: str) -> None:
    for name in (BELOW, VGG16):
        write_weights(tmp_path / name, b"sound")
        sound = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(sound[: len(sound) // 2] if harm == "cut off" else b"<html>not found</html>")
    cell = CELL.model_copy(update={"strategy": Named(name="full"), "image_size": 32, "limit": FEW})
    other = cell.model_copy(update={"backbone": Named(name="VGG16")})
    why = "truncated file: .*" if harm == "cut off" else "file signature not found"
    with pytest.raises(UserError) as told:
        find_inputs([cell, cell, other], Places(None, tmp_path, tmp_path / "cache", None, {}, True, "random"))
    for name, line in zip((BELOW, VGG16), str(told.value).splitlines(), strict=True):
        assert re.fullmatch(rf".*/{name} is no whole file of weights \(.*\({why}\)\); remove it, so that .*", line)


def test_a_file_that_another_process_has_locked_is_not_called_damaged(tmp_path: Path) -> None:
    write_weights(tmp_path / BELOW, b"sound")
    with (tmp_path / BELOW).open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert found(tmp_path, CELL.model_copy(update={"strategy": Named(name="full"), "image_size": 32, "limit": FEW}))


def test_a_file_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_weights(tmp_path / BELOW, b"sound")

    def refused(path: Path, algorithm: str) -> str:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr("tlbench.cache.digests.file_digest", refused)
    with pytest.raises(UserError, match=rf"/{BELOW} cannot be read \(Permission denied\); make it readable, or remove"):
        found(tmp_path, CELL.model_copy(update={"strategy": Named(name="full"), "image_size": 32, "limit": FEW}))


def test_files_that_are_not_those_keras_publishes_are_said_once_and_recorded(tmp_path: Path) -> None:
    write_weights(tmp_path / VGG16, b"mine")
    write_weights(tmp_path / VGG16_WHOLE, b"mine too")
    cells = [
        builders.cell(backbone=Named(name="VGG16"), dataset=CELL.dataset, limit=FEW, image_size=size, strategy=strategy)
        for size in (32, 40)
        for strategy in (Named(name="full"), Named(name="co_tuning"))
    ]
    inputs = find_inputs(cells, Places(None, tmp_path, tmp_path / "cache", None, {}, True, "random"))
    assert inputs.notes() == [
        f"VGG16, 32 px: {file} in {tmp_path} is not the file that Keras publishes under this name (another checksum); "
        "the records say so"
        for file in (VGG16, VGG16_WHOLE)
    ]
    full, tuned = (inputs.job(cell).weights for cell in cells[:2])
    assert (full.as_published, full.classifier_as_published) == (False, None)
    assert (tuned.as_published, tuned.classifier_as_published) == (False, False)
    assert inputs.job(cells[0].model_copy(update={"weights": "random"})).weights.as_published is None


def test_a_cell_that_was_trained_with_another_classifier_keeps_a_run_from_being_resumed(tmp_path: Path) -> None:
    """Also where the cell itself is not to be trained now."""
    for name in (BELOW, WHOLE):
        write_weights(tmp_path / name, b"sound")
    cells = [CELL.model_copy(update={"image_size": 32, "limit": FEW, "seed": seed}) for seed in (0, 1)]
    inputs = found(tmp_path, cells[0])
    job = inputs.job(cells[0])
    record = builders.record(cells[0], weights=job.weights, data=job.images.provenance())
    assert _no_others(record, inputs, Plugins())
    write_weights(tmp_path / WHOLE, b"another")
    assert not _no_others(record, found(tmp_path, cells[1]), Plugins())


def test_a_wrong_path_of_images_is_named_before_missing_weights(tmp_path: Path) -> None:
    cell = builders.cell(dataset=Named(name="mine"), strategy=Named(name="frozen"))
    for there in (False, True):
        places = Places(None, tmp_path, tmp_path / "cache", None, {"mine": tmp_path / "photos"}, True, None)
        with pytest.raises(UserError, match="^ImageNet weights of" if there else r"^mine: .*/photos does not exist\n"):
            find_inputs([cell], places)
        with pytest.raises(UserError, match="ImageNet weights of MobileNet"):
            find_inputs([cell], places)
        (tmp_path / "photos").mkdir(exist_ok=True)


@pytest.mark.parametrize("instead", ["drawn", "random", None])
def test_a_classifier_that_is_nowhere_is_named_with_the_way_out(tmp_path: Path, instead: StandIn | None) -> None:
    write_weights(tmp_path / BELOW, b"below")
    with pytest.raises(UserError) as told:
        found(tmp_path, instead=instead)
    assert str(told.value).startswith(
        f"strategy co_tuning needs the original classifier of MobileNet (alpha=0.25): {WHOLE} is not in "
    )
    assert "put it there, or remove co_tuning for this backbone" in str(told.value)


@pytest.mark.parametrize("kind", ["drawn", "random"])
def test_weights_that_stand_in_have_no_classifier_to_keep(tmp_path: Path, kind: StandIn) -> None:
    with pytest.raises(UserError, match=f"the backbone has {kind} weights, which go with no ImageNet classifier; give"):
        found(tmp_path, instead=kind)
    with pytest.raises(UserError, match="or leave co_tuning out for it"):
        found(tmp_path, CELL.model_copy(update={"weights": kind}))


def test_drawn_weights_stand_in_before_random_ones_and_are_no_stand_in_where_they_are_asked_for(tmp_path: Path) -> None:
    cell = CELL.model_copy(update={"strategy": Named(name="frozen"), "image_size": 32})
    inputs = found(tmp_path, cell, "drawn")
    job = inputs.job(cell)
    brought = drawn.find("MobileNet", {"alpha": 0.25})
    assert brought is not None
    assert job.weights_path == brought.path
    assert (job.weights.source, job.weights.fallback, job.weights.sha256) == ("drawn", True, brought.sha256)
    (said,) = inputs.fallbacks()
    assert "DRAWN ones (tlbench's own, pretrained on drawn pictures) stand in for them" in said
    assert builders.record(cell, weights=job.weights).fallbacks == ("drawn weights",)

    asked = cell.model_copy(update={"weights": "drawn"})
    job = found(tmp_path, asked, None).job(asked)
    assert (job.weights_path, job.weights.source, job.weights.fallback) == (brought.path, "drawn", False)

    wider = cell.model_copy(update={"backbone": Named(name="MobileNet", args={"alpha": 0.5})})
    job = found(tmp_path, wider, "drawn").job(wider)
    assert (job.weights_path, job.weights.source, job.weights.fallback) == (None, "random", True)


def test_an_original_classifier_without_its_weights_has_random_ones_and_no_images(tmp_path: Path) -> None:
    original = {"strategy": Named(name="pretrained"), "head": Head(name="imagenet"), "train": None}
    cell = builders.cell(dataset=Named(name="imagenet"), **original)
    job = found(tmp_path, cell, "drawn").job(cell)
    assert (job.data, job.weights.source, job.weights.fallback) == (None, "random", True)


def test_images_that_are_no_squares_take_the_weights_that_keras_takes_and_that_is_said(tmp_path: Path) -> None:
    for size in (96, 160, 224):
        write_weights(tmp_path / f"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_{size}_no_top.h5", b"weights")
    fields = {"backbone": Named(name="MobileNetV2", args={"alpha": 0.35}), "dataset": CELL.dataset, "limit": FEW}
    wide = builders.cell(**fields, image_size=(32, 96))
    inputs = found(tmp_path, wide)
    assert str(inputs.job(wide).weights.file).endswith("_224_no_top.h5")
    assert inputs.notes() == [
        "MobileNetV2 (alpha=0.35), 32 x 96 px: there are no official weights for images that are no squares; those for "
        "224 x 224 are taken, as Keras does (mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_224_no_top.h5)"
    ]
    pictures, _ = inputs.job(wide).images.splits["train"].open(1.0)
    assert np.asarray(pictures).shape[1:] == (32, 96, 3)
    assert found(tmp_path, builders.cell(**fields, image_size=96)).notes() == []


@pytest.mark.parametrize("totals", [(2, 0, 1), (0, 1, 2), (2, 1, 0)])
def test_repeated_pictures_are_told_of_the_number_of_images_that_has_most(totals: tuple[int, ...]) -> None:
    none = Duplicates(total=0, files=())
    kinds = ("exact_two_labels", "exact_across", "exact_within", "near_two_labels", "near_across", "near_within")
    clean = SplitAudit(**dict.fromkeys(kinds, none), balance={})
    data = {
        str(place): DataSource(
            "intel", ("a",), "real", "", str(place), {},
            audit=clean.model_copy(update={"near_across": Duplicates(total=total, files=())}),
        )
        for place, total in enumerate(totals)
    }  # fmt: skip
    assert Inputs(data, {}).repeated() == [
        "intel: 2 pictures in two splits (equal, or nearly so); the records name them"
    ]
    assert Inputs({"0": dataclasses.replace(data["0"], audit=clean)}, {}).repeated() == []
