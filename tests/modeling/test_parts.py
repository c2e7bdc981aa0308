"""Some variables of a backbone alone are trained; low-rank factors are added and merged."""

import errno
from pathlib import Path
from typing import Any

import pytest

keras = pytest.importorskip("keras")
import numpy as np  # noqa: E402

from tlbench.core.cell import Head, Named  # noqa: E402
from tlbench.core.errors import UserError  # noqa: E402
from tlbench.modeling.adapters import adapted, draw_adapters, merge, not_adapted  # noqa: E402
from tlbench.modeling.assemble import Assembled, assemble  # noqa: E402
from tlbench.modeling.counting import count  # noqa: E402
from tlbench.modeling.freezing import Freezing  # noqa: E402
from tlbench.modeling.wording import trained_part  # noqa: E402
from tlbench.strategies.base import Only, Part  # noqa: E402
from tlbench.worker.kept_model import keep_model, open_model  # noqa: E402

SMALL = Named(name="MobileNet", args={"alpha": 0.25})


pytestmark = pytest.mark.usefixtures("fresh_keras")


def made(strategy: str, backbone: Named = SMALL, **args: Any) -> Assembled:
    return assemble(backbone, Named(name=strategy, args=args), Head(), 2, 32, head_seed=0)


def values(variable: Any) -> np.ndarray:
    return np.array(variable.numpy())


def names(assembled: Assembled) -> set[str]:
    return {variable.name for variable in assembled.backbone.trainable_variables}


def test_norm_trains_scale_and_offset_of_every_normalisation() -> None:
    assembled = made("norm")
    assert names(assembled) == {"gamma", "beta"}
    assert len(assembled.backbone.trainable_variables) == 2 * 27
    assert count(assembled).backbone.trainable == 5472
    assert trained_part(assembled.backbone, assembled.part) == (
        "scale and offset of 27 of 54 layers with weights, in all blocks"
    )


def test_bias_trains_offsets_alone() -> None:
    assembled = made("bias")
    assert names(assembled) == {"beta"}
    assert count(assembled).backbone.trainable == 2736


def test_going_from_one_part_to_another_leaves_nothing_behind() -> None:
    assembled = made("norm")
    for part in (Part(frozen=0, only="bias"), Part(frozen=86), Part(frozen=20, until=40, only="norm")):
        assembled.freezing.freeze(part)
    layers = [layer for layer in assembled.backbone.layers if layer.trainable_variables]
    assert {assembled.backbone.layers.index(layer) for layer in layers} <= set(range(20, 40))
    assembled.freezing.freeze(Part(frozen=0))
    assert len(assembled.backbone.trainable_variables) == 27 * 3


class Scaled(keras.layers.Layer):  # type: ignore[misc, name-defined]
    """A composite layer with a weight of its own beside a normalization, as transformers with LayerScale have."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = keras.layers.LayerNormalization()
        self.scale = self.add_weight(shape=(4,), name="layer_scale")

    def build(self, shape: tuple[int, ...]) -> None:
        self.inner.build(shape)
        super().build(shape)

    def call(self, inputs: Any) -> Any:
        return self.inner(inputs) * self.scale


@pytest.mark.parametrize(("only", "trained"), [("norm", {"gamma", "beta"}), ("bias", {"beta"})])
def test_what_is_inside_of_a_layer_with_weights_of_its_own_is_freed(only: Only, trained: set[str]) -> None:
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(2, name="dense")(Scaled()(inputs)))
    freezing = Freezing(model)
    freezing.freeze(Part(frozen=0, only=only))
    found = {variable.name for variable in model.trainable_variables}
    assert found == trained | ({"bias"} if only == "bias" else set())
    freezing.freeze(Part(frozen=0))
    assert len(model.trainable_variables) == 5


def test_lora_adds_factors_to_plain_convolutions_and_trains_them_alone() -> None:
    assembled = made("lora", rank=2)
    assert names(assembled) == {"lora_kernel_a", "lora_kernel_b"}
    kernels = [layer.kernel.shape for layer in adapted(assembled.backbone)]
    assert len(kernels) == 14
    assert not_adapted(assembled.backbone) == {"DepthwiseConv2D": 13}
    # Hu and others: a kernel of in x out has factors in x rank and rank x out; Keras' first spans the window.
    assert count(assembled).backbone.trainable == sum(2 * (h * w * c + f) for h, w, c, f in kernels)
    assert trained_part(assembled.backbone, assembled.part).endswith("14 layers adapted, not 13 DepthwiseConv2D")


def test_factors_change_nothing_at_first_and_are_merged_at_the_end() -> None:
    plain, assembled = made("full"), made("lora")
    kept = {variable.path: variable for variable in plain.backbone.weights}
    for variable in assembled.backbone.weights:
        if "lora" not in variable.name:
            variable.assign(kept[variable.path])
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype("float32")
    np.testing.assert_array_equal(assembled.backbone(images), plain.backbone(images))
    for layer in adapted(assembled.backbone):
        layer.lora_kernel_b.assign(np.random.default_rng(1).normal(size=layer.lora_kernel_b.shape) / 50)
    trained = keras.ops.convert_to_numpy(assembled.backbone(images))
    size = np.abs(trained).max()  # through random weights next to nothing comes out
    before = keras.ops.convert_to_numpy(plain.backbone(images))
    assert np.abs(trained - before).max() > 0.01 * size
    merge(assembled.backbone)
    assert all(not np.any(values(layer.lora_kernel_b)) for layer in adapted(assembled.backbone))
    for variable in plain.backbone.weights:
        variable.assign(next(one for one in assembled.backbone.weights if one.path == variable.path))
    np.testing.assert_allclose(plain.backbone(images), trained, atol=1e-4 * size)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # TensorFlow's own
def test_a_kept_model_has_the_merged_kernels_and_no_factors(tmp_path: Path) -> None:
    plain, assembled = made("full"), made("lora")
    for layer in adapted(assembled.backbone):
        layer.lora_kernel_b.assign(np.random.default_rng(1).normal(size=layer.lora_kernel_b.shape) / 50)
    merge(assembled.backbone)
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype("float32")
    keep_model(assembled.model, tmp_path, "cell")
    opened = open_model(tmp_path / "cell.keras", "MobileNet")
    np.testing.assert_array_equal(values(opened(images)), values(assembled.model(images)))
    assert opened.count_params() == plain.model.count_params()
    assert not adapted(opened)
    assert len(adapted(assembled.backbone)) == 14, "the next cell of the group trains them again"


def test_a_model_for_which_there_is_no_room_is_named_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: object, path: Path, **options: object) -> None:
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    assembled = made("frozen")
    monkeypatch.setattr(type(assembled.model), "save", full)
    with pytest.raises(OSError, match="No space left on device") as error:
        keep_model(assembled.model, tmp_path, "cell")
    assert error.value.filename == str(tmp_path / "cell.keras")
    assert not list(tmp_path.iterdir())


def test_factors_follow_from_the_seed_and_nothing_else() -> None:
    first, second = made("lora"), made("lora")
    drawn = [values(layer.lora_kernel_a) for layer in adapted(first.backbone)]
    for layer, before in zip(adapted(second.backbone), drawn, strict=True):
        np.testing.assert_array_equal(values(layer.lora_kernel_a), before)
    draw_adapters(first.backbone, 1)
    assert not np.array_equal(values(adapted(first.backbone)[0].lora_kernel_a), drawn[0])


def test_what_a_backbone_has_none_of_is_refused() -> None:
    with pytest.raises(UserError, match="strategy norm on vgg16: the backbone has no normalisation layer"):
        made("norm", Named(name="VGG16"))


def test_a_boundary_inside_a_block_is_said() -> None:
    whole, inside = made("partial", trainable=0.3), made("partial", frozen_layers=75)
    assert trained_part(whole.backbone, whole.part) == "16 of 54 layers with weights, in blocks conv_10 to conv_13"
    assert "inside block conv_12 to conv_13" in trained_part(inside.backbone, inside.part)
