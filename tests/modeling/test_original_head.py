"""The original classifier's head on the backbone again: together they are the original classifier."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import builders
from tlbench.core.cell import Cell, Named
from tlbench.core.errors import UserError

keras = pytest.importorskip("keras")

from tlbench.backbones import registry  # noqa: E402
from tlbench.modeling.assemble import Assembled, build, make_backbone  # noqa: E402
from tlbench.modeling.original_head import original_head  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # TensorFlow's own


Made = tuple[Cell, Assembled, Any, Path]


def made(name: str, args: dict[str, Any], folder: Path) -> Made:
    """A cell, its model, the original classifier of other weights than either begins with, and a file with those."""
    cell = builders.cell(backbone=Named(name=name, args=args), strategy=Named(name="co_tuning"), image_size=32)
    assembled = build(cell, 2, None)
    whole = make_backbone(registry.get(name), args, (32, 32, 3), None, top=True)
    for of_whole, own in zip(whole.layers, assembled.backbone.layers, strict=False):
        of_whole.set_weights(own.get_weights())
    file = folder / "whole.weights.h5"
    whole.save_weights(file)
    return cell, assembled, whole, file


@pytest.fixture(scope="module")
def mobilenet(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return made("MobileNet", {"alpha": 0.25}, tmp_path_factory.mktemp("mobilenet"))


def check_same(made_of: Made) -> None:
    cell, assembled, whole, file = made_of
    head = original_head(assembled, cell, file)
    scaled = np.random.default_rng(0).normal(size=(3, 32, 32, 3)).astype(np.float32)
    logits = keras.ops.convert_to_numpy(head(assembled.backbone(scaled))).astype(np.float64)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    expected = keras.ops.convert_to_numpy(whole(scaled))
    np.testing.assert_allclose(powers / powers.sum(axis=1, keepdims=True), expected, rtol=1e-3, atol=1e-6)


def test_backbone_and_head_are_the_original_classifier(mobilenet: Made) -> None:
    check_same(mobilenet)


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("MobileNetV2", {"alpha": 0.35}),
        *(
            pytest.param(name, {}, marks=pytest.mark.slow)
            for name in ("MobileNetV3Small", "EfficientNetB0", "ResNet50V2", "DenseNet121", "EfficientNetV2B0")
        ),
    ],
)
def test_in_other_families_too(name: str, args: dict[str, Any], tmp_path: Path) -> None:
    check_same(made(name, args, tmp_path))


def test_a_classifier_of_other_weights_is_refused(mobilenet: Made, request: pytest.FixtureRequest) -> None:
    cell, assembled, _, file = mobilenet
    kernel = assembled.backbone.weights[0]
    before = kernel.numpy()
    request.addfinalizer(lambda: kernel.assign(before))
    kernel.assign(kernel + 1e-3)
    with pytest.raises(UserError, match=r"whole\.weights\.h5 belongs to other weights of the backbone"):
        original_head(assembled, cell, file)


def test_a_file_that_does_not_fit_is_refused(mobilenet: Made, tmp_path: Path) -> None:
    cell, assembled, _, _ = mobilenet
    (tmp_path / "broken.weights.h5").write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"does not fit images of 32 x 32 px; it needs 224 px \(.*broken"):
        original_head(assembled, cell, tmp_path / "broken.weights.h5")
