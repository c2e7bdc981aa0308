"""A saved model is looked at before it is opened: what it takes, and whether it brings a program. No Keras here."""

import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tlbench.backbones import registry, saved
from tlbench.core.cell import Named
from tlbench.core.errors import UserError
from tlbench.execution import child
from tlbench.execution.outcome import Returned
from tlbench.suite.expand import expand
from tlbench.suite.load import load_suite

SUITE = """\
name: own
datasets: cats_dogs
backbones: {name: file, path: my.keras}
strategies: frozen
image_size: native
train: {epochs: 1}
"""


def layer(kind: str, name: str = "one", module: str = "keras.layers", **config: Any) -> dict[str, Any]:
    return {"module": module, "class_name": kind, "config": {"name": name, **config}}


def images(height: int | None = 32, width: int | None = 32, channels: int = 3) -> dict[str, Any]:
    return layer("InputLayer", "images", batch_shape=[None, height, width, channels])


SCALING, CONVOLUTION = layer("Rescaling", "scale"), layer("Conv2D", "conv")


def written(folder: Path, *layers: dict[str, Any], kind: str = "Functional", name: str = "my.keras") -> Path:
    with zipfile.ZipFile(folder / name, "w") as archive:
        archive.writestr("config.json", json.dumps({"class_name": kind, "config": {"layers": layers}}))
    return folder / name


def test_a_cell_knows_it_by_its_content_and_takes_the_size_it_was_saved_for(tmp_path: Path) -> None:
    fixed = saved.backbone(written(tmp_path, images(), SCALING, CONVOLUTION), None)
    assert fixed.label == f"my.keras (sha256={fixed.args['sha256']})"
    assert (registry.of(fixed).default_size, registry.of(fixed).min_size, registry.of(fixed).most_size) == (32, 32, 32)
    free = saved.backbone(written(tmp_path, images(None, None), CONVOLUTION, name="free.keras"), "tf")
    assert (registry.of(free).default_size, registry.of(free).most_size, registry.of(free).scaling) == (224, None, "tf")
    moved = (tmp_path / "my.keras").rename(tmp_path / "elsewhere.keras")
    assert saved.backbone(moved, None).args["sha256"] == fixed.args["sha256"]
    assert saved.file_of(fixed.args).path == moved
    with pytest.raises(UserError, match=r"the saved model lost\.keras does not exist; correct its path in the suite"):
        registry.of(Named(name="file", args={"model": "lost"}))


@pytest.mark.parametrize(
    ("layers", "said"),
    [
        ([images(), layer("Lambda"), CONVOLUTION], "is not opened: layer 'one' is a Lambda layer or contains other code"),
        ([images(), layer("TimeDistributed", layer=layer("Lambda"))], "is not opened: layer 'one' is a Lambda layer"),
        ([images(), layer("Dense", activation={"class_name": "__lambda__"})], "is not opened: layer 'one' is a Lambda"),
        ([images(), layer("Functional", "inner")], "has a model as a layer, 'inner', which could only be frozen as a whole; save the inner model by itself: model.get_layer('inner').save("),
        ([images(), layer("Own", module="my_package")], "has a custom layer, Own ('one'), whose code is not in the file"),
        ([images(), CONVOLUTION], "has no layer that scales images; give the one that it was trained with: `scaling: tf`"),
        ([images(120, 160), SCALING], "takes images of 120 x 160; save it for square images"),
        ([images(channels=1), SCALING], "does not take one RGB image (height, width, 3): its input is [[None, 32, 32, 1]]"),
        ([images(), images(), SCALING], "does not take one RGB image"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_backbone_is_refused_in_one_sentence_at_its_place(
    tmp_path: Path, layers: list[dict[str, Any]], said: str
) -> None:
    file = written(tmp_path, *layers)
    with pytest.raises(UserError, match=f"^{re.escape(f'{file} {said}')}[^\n]*$"):
        saved.backbone(file, None)
    (tmp_path / "suite.yaml").write_text(SUITE)
    with pytest.raises(UserError, match=f"^.*suite.yaml:3:25: backbones: {re.escape(f'{file} {said}')}[^\n]*$"):
        load_suite(tmp_path / "suite.yaml")


def test_a_file_of_another_kind_is_named(tmp_path: Path) -> None:
    file = tmp_path / "my.keras"
    with pytest.raises(UserError, match=r"my\.keras cannot be read \(No such file or directory\)"):
        saved.backbone(file, None)
    file.write_bytes(b"no archive")
    with pytest.raises(UserError, match=r"my\.keras is not a model of Keras 3 \(File is not a zip file\)"):
        saved.backbone(file, None)
    with pytest.raises(UserError, match="contains a Own, which is more than its layers; save a functional model"):
        saved.backbone(written(tmp_path, kind="Own"), None)


@pytest.mark.parametrize(
    "broken", [{"class_name": "Dense", "config": None}, {"class_name": ["Dense"], "config": {}}, None]
)
def test_a_layer_without_a_class_or_settings_is_no_crash(tmp_path: Path, broken: Any) -> None:
    with pytest.raises(UserError, match=r"my\.keras is not a model of Keras 3 \("):
        saved.backbone(written(tmp_path, images(), SCALING, broken), None)


def test_a_suite_without_its_file_is_read_but_not_expanded(tmp_path: Path) -> None:
    """A run's folder has the suite and not the file; `compare` reads gates there."""
    (tmp_path / "suite.yaml").write_text(SUITE)
    suite = load_suite(tmp_path / "suite.yaml")
    with pytest.raises(UserError, match=r"suite\.yaml:3:12: the saved model my\.keras does not exist"):
        expand(suite)
    written(tmp_path, images(), SCALING, CONVOLUTION)
    (cell,) = expand(load_suite(tmp_path / "suite.yaml"))
    assert (cell.weights, cell.image_size, cell.backbone.name) == ("file", 32, "file")
    (tmp_path / "suite.yaml").write_text(SUITE.replace("native", "[32, 64]"))
    with pytest.raises(UserError, match=r"image_size 64: my\.keras \(sha256=\w+\) takes only 32 pixels"):
        expand(load_suite(tmp_path / "suite.yaml"))
    (tmp_path / "suite.yaml").write_text(
        SUITE.replace("native", "32").replace("my.keras}", "my.keras, weights: random}")
    )
    (cell,) = expand(load_suite(tmp_path / "suite.yaml"))
    assert (cell.weights, cell.pretrained) == ("random", "file")


@pytest.mark.usefixtures("light_server")
def test_children_find_the_files_that_their_parent_has_read(tmp_path: Path) -> None:
    own = saved.backbone(written(tmp_path, images(), SCALING, layer("Conv2D", str(tmp_path))), None)
    assert child.run("tests.targets:saved_model", own.args) == Returned(str(tmp_path / "my.keras"))
