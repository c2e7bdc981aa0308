"""Features of heads that pool alike but for their settings or their code are kept apart."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from tlbench.core import plugin_files  # noqa: E402
from tlbench.core.plugins import resolve  # noqa: E402
from tlbench.heads.registry import HEADS  # noqa: E402
from tlbench.modeling.assemble import Assembled  # noqa: E402
from tlbench.modeling.cut import Boundary, boundary  # noqa: E402
from tlbench.modeling.freezing import Freezing  # noqa: E402
from tlbench.strategies.base import Part  # noqa: E402
from tlbench.training.feature_store import FeatureStore  # noqa: E402
from tlbench.training.features import FeaturePass  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # TensorFlow's own
IMAGES = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3)).astype("uint8")
POOLING = """\
import keras
from tlbench.heads.base import HeadInfo

class GeM(keras.layers.Layer):
    def __init__(self, p, **kwargs):
        super().__init__(**kwargs)
        self.p = p

    def call(self, inputs):
        return keras.ops.mean(keras.ops.abs(inputs) ** self.p, axis=(1, 2)) ** (1 / self.p)

    def compute_output_shape(self, shape):
        return (shape[0], shape[3])

    def get_config(self):
        return {**super().get_config(), "p": self.p}

def three():
    return GeM(3.0, name="pooling")

def four():
    return GeM(4.0, name="pooling")

ENTRY_POINTS = {"tlbench.heads": {
    "gem3": HeadInfo("of power 3", f"{__name__}:three"),
    "gem4": HeadInfo("of power 4", f"{__name__}:four"),
}}
"""


@pytest.fixture
def plugin(tmp_path: Path) -> Iterator[Path]:
    file = tmp_path / "my.py"
    file.write_text(POOLING)
    plugin_files.load(file)
    yield file
    plugin_files.adopt([])


def pooling(head: str) -> Any:
    return resolve(HEADS[head].pooling)()


@pytest.fixture
def frozen() -> Assembled:
    keras.config.set_dtype_policy("float32")
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 3))
    backbone = keras.Model(inputs, keras.layers.Conv2D(4, 3)(inputs), name="backbone")
    images = keras.Input((8, 8, 3), name="images")
    outputs = keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(backbone(images)))
    part, freezing = Part(frozen=len(backbone.layers)), Freezing(backbone)
    freezing.freeze(part)
    return Assembled(keras.Model(images, outputs), backbone, freezing, part)


def cut(frozen: Assembled, head: str) -> Boundary:
    at = boundary(frozen, frozen.frozen, [pooling(head), keras.layers.Dense(2)])
    assert at is not None
    return at


def features(frozen: Assembled, own: str, beside: str, folder: Path) -> FeaturePass:
    return FeaturePass(
        frozen, cut(frozen, own), [cut(frozen, beside)], {"backbone": "tiny"}, FeatureStore(folder, 10**9), False
    )


@pytest.mark.parametrize(("own", "beside"), [("gem3", "gem4"), ("gem4", "gem3")])
def test_two_heads_of_one_class_with_other_settings_have_their_own_features(
    frozen: Assembled, plugin: Path, own: str, beside: str, tmp_path: Path
) -> None:
    for head, computed in ((own, len(IMAGES)), (beside, 0)):
        other = beside if head == own else own
        made = features(frozen, head, other, tmp_path / "features")
        (found,) = made.inputs("train", IMAGES)
        expected = keras.ops.convert_to_numpy(pooling(head)(frozen.backbone(IMAGES.astype("float32"))))
        np.testing.assert_allclose(np.asarray(found, float), expected, rtol=1e-5)
        assert made.computed == computed, "one pass makes both"


def test_a_pooling_layer_that_was_edited_is_computed_anew(frozen: Assembled, plugin: Path, tmp_path: Path) -> None:
    before = np.asarray(features(frozen, "gem3", "gem4", tmp_path / "features").inputs("train", IMAGES)[0], float)
    plugin.write_text(POOLING.replace("keras.ops.mean(", "2 * keras.ops.mean("))
    plugin_files.load(plugin)
    after = features(frozen, "gem3", "gem4", tmp_path / "features")
    np.testing.assert_allclose(np.asarray(after.inputs("train", IMAGES)[0], float), 2 * before, rtol=1e-5)
    assert after.computed == len(IMAGES)
