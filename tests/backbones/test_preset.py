"""A preset folder of keras-hub is read without it: what it takes, how it scales, and that nothing of it is run."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tlbench.backbones import registry, saved
from tlbench.backbones.spec import PerChannel
from tlbench.core.cell import Named
from tlbench.core.errors import UserError
from tlbench.suite.expand import expand
from tlbench.suite.load import load_suite

ARGUMENTS = {"image_shape": [32, 32, 3], "patch_size": 8, "num_layers": 2, "name": "mine", "dtype": {"class_name": "X"}}
SUITE = """\
name: own
datasets: synthetic
backbones: {name: file, path: mine, SCALING}
strategies: frozen
image_size: native
train: {epochs: 1}
"""


def written(folder: Path, kind: str = "ViTBackbone", converter: Any = None, **changes: Any) -> Path:
    place = folder / "mine"
    place.mkdir(exist_ok=True)
    config = {"class_name": kind, "registered_name": f"keras_hub>{kind}", "config": {**ARGUMENTS, **changes}}
    (place / "config.json").write_text(json.dumps(config))
    if converter is not None:
        (place / "image_converter.json").write_text(json.dumps({"config": converter}))
    return place


def test_it_says_its_size_its_scaling_and_what_it_gives(tmp_path: Path) -> None:
    own = saved.backbone(written(tmp_path, converter={"scale": 0.5, "offset": [-1, 0, 2]}), None)
    assert own.label == f"mine (sha256={own.args['sha256']})"
    info = registry.of(own)
    assert info.scaling == PerChannel((0.5, 0.5, 0.5), (-1, 0, 2))
    assert (info.default_size, info.min_size, info.most_size, info.output) == (32, 32, 32, "class_token")
    file = saved.file_of(own.args)
    assert file.preset is not None
    assert file.preset.arguments == {"patch_size": 8, "num_layers": 2}
    other = saved.backbone(written(tmp_path, converter={"scale": 0.4}, use_class_token=False), None)
    assert other.args["sha256"] != own.args["sha256"]
    assert registry.of(other).output == "tokens"
    any_size = saved.backbone(written(tmp_path, "DenseNetBackbone", image_shape=[None, None, 3]), None)
    assert (registry.of(any_size).default_size, registry.of(any_size).most_size) == (224, None)
    assert registry.of(any_size).output == "map"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {},
            "mine does not say how images are scaled (image_converter.json); give the one that it was trained with: `scaling",
        ),
        ({"image_shape": [32, 48, 3]}, "mine takes images of 32 x 48; tlbench needs a preset for square images"),
        ({"image_shape": [32, 32, 1]}, "mine contains a ViTBackbone without an image_shape of (height, width, 3)"),
        ({"kind": "ViTImageClassifier"}, "mine contains a ViTImageClassifier without an image_shape"),
        ({"converter": []}, "image_converter.json has no config; download the preset again"),
        (
            {"converter": {"scale": [1, 2]}},
            "image_converter.json: scale: expected a number, or one for each of three channels",
        ),
    ],
)
def test_what_cannot_be_a_backbone_is_refused_in_one_sentence(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(UserError, match=f"^[^\n]*{re.escape(said)}[^\n]*$"):
        saved.backbone(written(tmp_path, **changes), None)


def test_a_folder_of_another_kind_is_told_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"config\.json cannot be read \(No such file or directory\); give a folder that"
    ):
        saved.backbone(tmp_path, None)
    for text, said in (
        ("[]", "is no mapping"),
        ("{", "is no JSON"),
        ('{"architecture": "resnet18"}', "is not in keras-hub's own format"),
    ):
        (tmp_path / "config.json").write_text(text)
        with pytest.raises(UserError, match=f"config.json {said}"):
            saved.backbone(tmp_path, None)


def test_a_suite_names_it_and_may_say_how_it_scales(tmp_path: Path) -> None:
    file = tmp_path / "suite.yaml"
    file.write_text(SUITE.replace("SCALING", "scaling: {scale: [1, 2, 3], offset: -1}"))
    with pytest.raises(UserError, match=r"suite\.yaml:3:12: the saved model mine does not exist; correct its path"):
        expand(load_suite(file))
    written(tmp_path)
    (cell,) = expand(load_suite(file))
    assert (cell.weights, cell.image_size, cell.pretrained) == ("file", 32, "file")
    assert registry.of(cell.backbone).scaling == PerChannel((1, 2, 3), (-1, -1, -1))
    file.write_text(SUITE.replace("SCALING", "scaling: {scale: [1, 2]}"))
    with pytest.raises(
        UserError, match=r"suite\.yaml:3:\d+: backbones: scaling: scale: expected a number, or one for each of three"
    ):
        load_suite(file)
    file.write_text(SUITE.replace("path: mine, SCALING", "path: mine.h5"))
    with pytest.raises(UserError, match=r"a file that ends in \.keras, or keras-hub's preset folder, belongs here"):
        load_suite(file)


def test_without_the_package_it_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "find_spec", lambda name: None)
    own = saved.backbone(written(tmp_path), "tf")
    with pytest.raises(
        UserError, match=r"backbone mine \(.*\) needs the package keras-hub; `pip install 'tlbench\[hub\]'`"
    ):
        registry.check_installed([Named(name="VGG16"), own])
