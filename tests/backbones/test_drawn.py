"""Weights that tlbench brings: whole, small, made of none of the classes they are tried on, and worth something."""

import hashlib
import json
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from scripts.drawn_classes import CLASSES
from tlbench.backbones import drawn, registry
from tlbench.backbones.weights import find
from tlbench.core.cell import Named
from tlbench.datasets.synthetic import TEXTURES, Texture
from tlbench.modeling.assemble import make_backbone

ROOT = Path(__file__).parents[2]
RECIPE: dict[str, Any] = json.loads(drawn.RECIPE.read_text())
MOST_BYTES = 3_000_000
ALIKE = 0.9
"""Correlation of two textures that a picture would hardly tell apart."""


def test_each_file_is_what_the_recipe_says_and_all_are_small() -> None:
    assert len(RECIPE["files"]) == 2
    for file in RECIPE["files"]:
        assert hashlib.sha256((drawn.FOLDER / file["file"]).read_bytes()).hexdigest() == file["sha256"]
    assert sum(path.stat().st_size for path in drawn.FOLDER.iterdir()) < MOST_BYTES


@pytest.mark.parametrize("file", RECIPE["files"], ids=lambda file: str(file["backbone"]["name"]))
def test_a_backbone_gets_every_number_of_its_file(file: dict[str, Any]) -> None:
    made = drawn.find(file["backbone"]["name"], file["backbone"]["args"])
    assert made is not None
    model = make_backbone(registry.get(made.backbone.name), made.backbone.args, (64, 64, 3), made.path)
    kept: list[NDArray[np.generic]] = []
    with h5py.File(made.path) as whole:
        whole.visititems(lambda _, item: kept.append(item[()]) if isinstance(item, h5py.Dataset) else None)
    loaded = [weight.numpy() for weight in model.weights]
    assert sorted(float(np.abs(one).sum(dtype=float)) for one in loaded) == pytest.approx(
        sorted(float(np.abs(one).sum(dtype=float)) for one in kept), rel=1e-6
    )
    assert {one.dtype.name for one in kept if one.ndim > 1} == {"float16"}
    assert all(np.isfinite(one).all() for one in loaded)


def test_other_backbones_other_arguments_and_classifiers_have_none() -> None:
    assert drawn.find("MobileNet", {"alpha": 0.25}) is not None
    assert drawn.find("MobileNet", {}) is None
    assert drawn.find("MobileNet", {"alpha": 0.25, "depth_multiplier": 2}) is None
    assert drawn.find("VGG16", {}) is None
    backbone: dict[str, Any] = {"info": registry.get("MobileNet"), "args": {"alpha": 0.25}, "folder": None}
    without, whole = (find(**backbone, include_top=top, instead="drawn", allow_download=False) for top in (False, True))
    assert (without.kind, whole.kind) == ("drawn", "random")


def plane(texture: Texture, waves: float, degrees: float, shift: float) -> NDArray[np.floating[Any]]:
    x, y = np.meshgrid(*[np.linspace(-0.4, 0.4, 64)] * 2)
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    drawn_plane = np.ravel(texture(x * cos + y * sin + shift, y * cos - x * sin + shift, waves))
    normal: NDArray[np.floating[Any]] = (drawn_plane - drawn_plane.mean()) / np.linalg.norm(
        drawn_plane - drawn_plane.mean()
    )
    return normal


@pytest.mark.parametrize("waves", [5.0, 6.5, 8.0])
def test_no_class_of_the_pretraining_is_one_of_a_stand_in(waves: float) -> None:
    stand_ins = [
        plane(texture, waves, degrees, shift)
        for texture, degrees, shift in product(TEXTURES, (-8, -4, 0, 4, 8), (0, 0.02, 0.04, 0.06))
    ]
    classes = [plane(texture, waves, degrees, 0) for texture, degrees in product(CLASSES, (-8, -4, 0, 4, 8))]
    likeness = np.abs(np.stack(stand_ins) @ np.stack(classes).T)
    assert likeness.max() < ALIKE, divmod(int(likeness.max(0).argmax()), 5)
    assert np.abs(np.stack(stand_ins) @ np.stack(stand_ins).T).max() == pytest.approx(1)


@pytest.mark.slow
def test_the_script_makes_what_a_run_takes(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "scripts.pretrain_drawn", str(tmp_path)]
    subprocess.run([*command, "--each", "2", "--epochs", "1", "--size", "32"], check=True, cwd=ROOT)
    recipe = json.loads((tmp_path / "recipe.json").read_text())
    assert recipe.keys() == RECIPE.keys()
    for made, brought in zip(recipe["files"], RECIPE["files"], strict=True):
        assert (made["backbone"], made["file"]) == (brought["backbone"], brought["file"])
        backbone = Named(**made["backbone"])
        make_backbone(registry.get(backbone.name), backbone.args, (32, 32, 3), tmp_path / made["file"])
