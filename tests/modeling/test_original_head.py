"""The original classifier's head on the backbone again: together they are the original classifier."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import builders
from tlbench.core.cell import Named
from tlbench.core.errors import UserError

keras = pytest.importorskip("keras")

from tlbench.backbones import registry  # noqa: E402
from tlbench.modeling.assemble import Assembled, build, make_backbone  # noqa: E402
from tlbench.modeling.original_head import original_head  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # TensorFlow's own


def made(name: str, args: dict[str, Any], folder: Path) -> tuple[Any, Assembled, Any, Path]:
    """A cell, its model, the original classifier of other weights than either begins with, and a file with those."""
    cell = builders.cell(backbone=Named(name=name, args=args), strategy=Named(name="co_tuning"), image_size=32)
    assembled = build(cell, 2, None)
    whole = make_backbone(registry.get(name), args, (32, 32, 3), None, top=True)
    for of_whole, own in zip(whole.layers, assembled.backbone.layers, strict=False):
        of_whole.set_weights(own.get_weights())
    file = folder / "whole.weights.h5"
    whole.save_weights(file)
    return cell, assembled, whole, file


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("MobileNet", {"alpha": 0.25}),
        ("MobileNetV2", {"alpha": 0.35}),
        *(
            pytest.param(name, {}, marks=pytest.mark.slow)
            for name in ("MobileNetV3Small", "EfficientNetB0", "ResNet50V2", "DenseNet121", "EfficientNetV2B0")
        ),
    ],
)
def test_backbone_and_head_are_the_original_classifier(name: str, args: dict[str, Any], tmp_path: Path) -> None:
    cell, assembled, whole, file = made(name, args, tmp_path)
    head = original_head(assembled, cell, file)
    scaled = np.random.default_rng(0).normal(size=(3, 32, 32, 3)).astype(np.float32)
    logits = head.predict_on_batch(assembled.backbone.predict_on_batch(scaled)).astype(np.float64)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    np.testing.assert_allclose(
        powers / powers.sum(axis=1, keepdims=True), whole.predict_on_batch(scaled), rtol=1e-3, atol=1e-6
    )


def test_a_classifier_of_other_weights_is_refused(tmp_path: Path) -> None:
    cell, assembled, _, file = made("MobileNet", {"alpha": 0.25}, tmp_path)
    kernel = assembled.backbone.weights[0]
    kernel.assign(kernel + 1e-3)
    with pytest.raises(UserError, match=r"whole\.weights\.h5 is a classifier of other features than the backbone"):
        original_head(assembled, cell, file)


def test_a_file_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    cell, assembled, _, _ = made("MobileNet", {"alpha": 0.25}, tmp_path)
    (tmp_path / "broken.weights.h5").write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"does not fit images of 32 x 32 px; its own size is 224 \(.*broken"):
        original_head(assembled, cell, tmp_path / "broken.weights.h5")
