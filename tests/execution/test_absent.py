"""Which official weights `run` will have to download: `plan` says it without a network, and reads no file for it."""

import time
from pathlib import Path

import pytest

from tests import builders
from tests.weights_files import write_weights
from tlbench.backbones import registry, weights
from tlbench.backbones.official import official_file
from tlbench.cache import digests
from tlbench.core.cell import Cell, Named
from tlbench.execution.absent import absent_weights

DATA = Named(name="synthetic")
SMALL = Named(name="MobileNetV2", args={"alpha": 0.35})


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.delenv("TLBENCH_OFFLINE", raising=False)
    monkeypatch.setattr(weights, "fetch", lambda *arguments: pytest.fail("nothing may be downloaded"))
    monkeypatch.setattr(digests, "file_digest", lambda *arguments: pytest.fail("no whole file may be read"))
    folder = tmp_path / "keras" / "models"
    folder.mkdir(parents=True)
    return folder


def cell(name: str, **fields: object) -> Cell:
    return builders.cell(backbone=Named(name=name), dataset=DATA, strategy=Named(name="frozen"), **fields)


def file_of(backbone: Named, top: bool = False, size: int = 96) -> tuple[str, str]:
    official = official_file(registry.get(backbone.name), backbone.args, top, size)
    assert official is not None
    return official.file, official.url


def test_backbones_without_a_file_are_named_with_its_address(tmp_path: Path, cache: Path) -> None:
    cells = [cell("VGG16"), cell("EfficientNetB0"), cell("VGG16", seed=1)]
    vgg, vgg_url = file_of(Named(name="VGG16"))
    _, net_url = file_of(Named(name="EfficientNetB0"))
    assert absent_weights(cells, tmp_path, None) == [
        f"ImageNet weights of VGG16 and EfficientNetB0 are not in {tmp_path} or {cache}; `run` downloads them from "
        f"{vgg_url} and {net_url}; if it cannot, it stops"
    ]
    write_weights(tmp_path / vgg)
    (said,) = absent_weights(cells, tmp_path, "drawn")
    assert said.startswith("ImageNet weights of EfficientNetB0 are not in ")
    assert said.endswith("; if it cannot, it uses stand-ins, as `fallback: {weights: drawn}` allows")
    assert f"are not in {cache}, and TLBENCH_WEIGHTS names no folder; `run`" in absent_weights(cells, None, None)[0]
    for file, _ in (file_of(Named(name="VGG16")), file_of(Named(name="EfficientNetB0"))):
        write_weights(cache / file)
    assert absent_weights(cells, None, None) == []


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    vgg, _ = file_of(Named(name="VGG16"))
    (tmp_path / vgg).write_bytes(write_weights(tmp_path / vgg)[:100])
    (said,) = absent_weights([cell("VGG16"), cell("VGG16", seed=1)], tmp_path, None)
    assert said.startswith(f"{tmp_path / vgg} is no whole file of weights (")
    assert said.endswith("; `run` cannot use it")
    other, _ = file_of(SMALL, size=224)
    (tmp_path / other).write_bytes(b"damaged, and the file for the size is not there")
    small = builders.cell(backbone=SMALL, dataset=DATA, strategy=Named(name="frozen"), image_size=96)
    missing, damaged = absent_weights([small], tmp_path, "random")
    assert f"it uses {other}" in missing
    assert damaged.startswith(f"{tmp_path / other} is no whole file of weights")


def test_without_a_network_nothing_is_promised(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TLBENCH_OFFLINE", "1")
    (said,) = absent_weights([cell("VGG16")], tmp_path, None)
    assert said == f"ImageNet weights of VGG16 are not in {tmp_path} or {cache}; TLBENCH_OFFLINE is set, so `run` stops"


def test_a_file_for_another_size_is_what_run_falls_back_on(tmp_path: Path) -> None:
    there, _ = file_of(SMALL, size=224)
    write_weights(tmp_path / there)
    small = builders.cell(backbone=SMALL, dataset=DATA, strategy=Named(name="frozen"), image_size=96)
    (said,) = absent_weights([small], tmp_path, "random")
    assert said.endswith(f"_0.35_96_no_top.h5; if it cannot, it uses {there}")
    assert absent_weights([small.model_copy(update={"image_size": 224})], tmp_path, None) == []


def test_a_classifier_that_a_training_needs_has_no_stand_in(tmp_path: Path) -> None:
    co_tuning = builders.cell(backbone=Named(name="VGG16"), dataset=DATA, strategy=Named(name="co_tuning"))
    below, whole = absent_weights([co_tuning], tmp_path, "random")
    assert "ImageNet weights of VGG16 are" in below
    assert below.endswith("it uses stand-ins, as `fallback: {weights: random}` allows")
    assert "ImageNet weights of VGG16 with its classifier are" in whole
    assert whole.endswith("if it cannot, it stops")


@pytest.mark.parametrize("kind", ["random", "drawn"])
def test_cells_that_ask_for_other_weights_need_none(tmp_path: Path, kind: str) -> None:
    assert absent_weights([cell("MobileNet", weights=kind)], tmp_path, None) == []


def test_many_backbones_are_not_all_named(tmp_path: Path) -> None:
    (said,) = absent_weights(
        [cell(name) for name in ("VGG16", "VGG19", "ResNet50", "Xception", "NASNetMobile")], tmp_path, None
    )
    assert said.startswith("ImageNet weights of VGG16, VGG19, ResNet50, Xception and 1 more are not in ")
    assert said.count("https://") == 4


def test_a_folder_of_weights_that_is_not_there_is_what_is_said(tmp_path: Path) -> None:
    assert absent_weights([cell("VGG16")], tmp_path / "none", "random") == [
        f"the weights folder {tmp_path / 'none'} does not exist; `run` needs it"
    ]


def test_ten_thousand_cells_are_looked_through_quickly(tmp_path: Path) -> None:
    """Each backbone and size once, whatever the number of cells."""
    cells = [cell("VGG16", seed=seed) for seed in range(10_000)]
    began = time.process_time()
    assert len(absent_weights(cells, tmp_path, None)) == 1
    assert time.process_time() - began < 2
