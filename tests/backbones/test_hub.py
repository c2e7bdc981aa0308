"""What is known of keras-hub's architectures without keras-hub."""

import re
from pathlib import Path
from typing import cast

import pytest

from tlbench.backbones import registry
from tlbench.core.cell import Named, Scalar
from tlbench.core.errors import UserError
from tlbench.execution.inputs import find_inputs
from tlbench.execution.job import Places
from tlbench.suite.expand import expand
from tlbench.suite.load import load_suite

SUITE = """\
name: tokens
datasets: synthetic
backbones: {name: ViTBackbone, ARGS, weights: random}
strategies: frozen
image_size: SIZE
train: {epochs: 1}
"""


def suite(folder: Path, args: str, size: str = "32") -> Path:
    file = folder / "suite.yaml"
    file.write_text(SUITE.replace("ARGS", args).replace("SIZE", size))
    return file


def test_an_architecture_is_its_numbers(tmp_path: Path) -> None:
    (cell,) = expand(load_suite(suite(tmp_path, "patch_size: 8, num_layers: 2", "native")))
    assert cell.backbone.label == "ViTBackbone (num_layers=2, patch_size=8)"
    assert (cell.image_size, cell.weights) == (224, "random")
    info = registry.of(cell.backbone)
    assert (info.multiple, info.output) == (8, "class_token")
    assert registry.of(Named(name="ViTBackbone", args={"use_class_token": False})).output == "tokens"
    assert cell.backbone.name not in registry.expand_pattern("all")
    assert "ResNetBackbone" not in registry.expand_pattern("ResNet*")
    assert registry.expand_pattern("Swin*") == ("SwinTransformerBackbone",)


@pytest.mark.parametrize(
    ("args", "size", "said"),
    [
        ("patch_size: 16", "40", "5:13: image_size 40: ViTBackbone (patch_size=16) takes only multiples of 16 pixels"),
        ("patch_size: 16", "16", "5:13: image_size 16 is too small for ViTBackbone, which needs at least 32 pixels"),
        ("num_heads: 5", "32", "3:12: ViTBackbone (num_heads=5): hidden_dim 768 is not a multiple of num_heads 5"),
        ("num_layers: 0", "32", "3:12: backbones: num_layers: 0 is not an integer, at least 1"),
        ("dropout_rate: 1", "32", "3:12: backbones: dropout_rate: 1 is not a number from 0 to below 1"),
        ("patch_size: true", "32", "3:12: backbones: patch_size: True is not an integer, at least 1"),
        ("depth: 3", "32", "3:12: backbones: unknown argument 'depth' of backbone ViTBackbone; "),
    ],
)
def test_numbers_that_do_not_go_together_are_refused_at_their_place(
    tmp_path: Path, args: str, size: str, said: str
) -> None:
    with pytest.raises(UserError, match=re.escape(f"suite.yaml:{said}")):
        expand(load_suite(suite(tmp_path, args, size)))


def test_a_missing_package_is_one_sentence_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "find_spec", lambda name: None)
    cells, nowhere = expand(load_suite(suite(tmp_path, "num_layers: 2"))), cast(Places, None)
    with pytest.raises(
        UserError,
        match=r"^backbone ViTBackbone \(num_layers=2\) needs the package keras-hub; `pip install 'tlbench\[hub\]'`",
    ):
        find_inputs(cells, nowhere)
    registry.check_installed([Named(name="VGG19")])


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ({"depths": "2-2"}, "depths 2-2 and num_heads 3-6-12-24 differ in number of stages"),
        ({"depths": "2-2", "num_heads": "3-5"}, "embed_dim 96 x 2 is not a multiple of 5 heads"),
    ],
)
def test_stages_must_go_together(args: dict[str, Scalar], said: str) -> None:
    with pytest.raises(UserError, match=re.escape(said)):
        registry.of(Named(name="SwinTransformerBackbone", args=args))


def test_a_number_for_each_stage_is_one_word() -> None:
    swin = Named(name="SwinTransformerBackbone", args={"depths": "2-2", "num_heads": "2-4", "window_size": 2})
    assert (registry.of(swin).multiple, registry.of(swin).min_size, registry.of(swin).output) == (8, 32, "tokens")
    assert registry.of(Named(name="SwinTransformerBackbone")).min_size == 224
    for wrong in ("2-", "0-2", "2, 2", 2):
        with pytest.raises(ValueError, match=r"depths: .* is not an integer for each stage, as 2-2-6-2"):
            registry.get("SwinTransformerBackbone").check_args({"depths": wrong})
