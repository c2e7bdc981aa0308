"""keras-hub's transformers, opened: they compute what keras-hub's own do, and can be frozen, cut and counted by blocks."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

keras = pytest.importorskip("keras")
keras_hub = pytest.importorskip("keras_hub", reason="needs keras-hub: pip install 'tlbench[hub]'")

from tlbench.backbones import registry, saved  # noqa: E402
from tlbench.backbones.hub import architecture  # noqa: E402
from tlbench.core.cell import Head, Named  # noqa: E402
from tlbench.core.errors import UserError  # noqa: E402
from tlbench.heads.base import HeadInfo  # noqa: E402
from tlbench.heads.registry import HEADS  # noqa: E402
from tlbench.modeling.assemble import Assembled, assemble, head_of, make_backbone  # noqa: E402
from tlbench.modeling.blocks import blocks_of  # noqa: E402
from tlbench.modeling.counting import count  # noqa: E402
from tlbench.modeling.cut import boundary, lower_model, upper_model  # noqa: E402
from tlbench.modeling.wording import pooled, trained_part  # noqa: E402
from tlbench.worker.kept_model import keep_model, open_model  # noqa: E402

pytestmark = [
    pytest.mark.usefixtures("fresh_keras"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # TensorFlow's own
    pytest.mark.filterwarnings("ignore:Layer 'attn' .* was passed an input with a mask:UserWarning"),  # keras-hub's own
]
TINY: dict[str, dict[str, Any]] = {
    "ViTBackbone": {"patch_size": 8, "num_layers": 3, "num_heads": 2, "hidden_dim": 16, "mlp_dim": 32},
    "DeiTBackbone": {"patch_size": 8, "num_layers": 2, "num_heads": 2, "hidden_dim": 16, "intermediate_dim": 32},
    "DINOV2Backbone": {"patch_size": 8, "num_layers": 2, "num_heads": 2, "hidden_dim": 16, "intermediate_dim": 32},
    "SwinTransformerBackbone": {"embed_dim": 8, "depths": "2-2", "num_heads": "2-4", "window_size": 4},
    "ResNetBackbone": {"stackwise_num_blocks": "1-1"},
}
"""Arguments of networks that are built in a moment, for 32 pixels."""
VIT = Named(name="ViTBackbone", args=TINY["ViTBackbone"])
IMAGES = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3)).astype("float32")


def named(name: str) -> Named:
    return Named(name=name, args=TINY[name])


def made(strategy: Named, backbone: Named = VIT, head: Head | None = None) -> Assembled:
    return assemble(backbone, strategy, head or Head(), 3, 32)


def numpy(tensor: Any) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(tensor))


def of_hub(model: Any) -> np.ndarray:
    """What keras-hub's own model makes of the images, whose input may have a name."""
    images = IMAGES / 255
    return numpy(model({"images": images} if isinstance(model.input, dict) else images))


@pytest.mark.parametrize("name", TINY)
def test_opened_it_computes_what_keras_hubs_own_does(name: str) -> None:
    info = registry.get(name)
    ours = make_backbone(info, TINY[name], (32, 32, 3), None)
    own = getattr(keras_hub.models, name)(**architecture(name).made_of(TINY[name], (32, 32, 3)))
    assert len(ours.layers) > len(own.layers) or name == "ResNetBackbone"
    assert [weight.shape for weight in ours.weights] == [weight.shape for weight in own.weights]
    for mine, other in zip(ours.weights, own.weights, strict=True):
        value = np.random.default_rng(len(mine.path)).normal(0, 0.5, mine.shape)
        mine.assign(value)
        other.assign(value)
    np.testing.assert_allclose(numpy(ours(IMAGES / 255)), of_hub(own), rtol=1e-5, atol=1e-5)


def test_dropout_within_blocks_works_in_training_and_not_where_they_are_frozen() -> None:
    dropping = Named(name="ViTBackbone", args={**VIT.args, "dropout_rate": 0.5})
    for strategy, differ in (("full", True), ("frozen", False)):
        model = made(Named(name=strategy), dropping).model
        first, second = (numpy(model(IMAGES, training=True)) for _ in range(2))
        assert bool(np.abs(first - second).max() > 1e-4) is differ


@pytest.mark.parametrize(
    ("class_token", "words"), [(True, "the class token, the first of 17"), (False, "the mean of 16 tokens")]
)
def test_the_head_gap_takes_the_class_token_or_the_mean(class_token: bool, words: str) -> None:
    backbone = Named(name="ViTBackbone", args={**VIT.args, "use_class_token": class_token})
    assembled = made(Named(name="frozen"), backbone)
    tokens = numpy(assembled.backbone(IMAGES / 127.5 - 1))
    taken = tokens[:, 0] if class_token else tokens.mean(axis=1)
    features = keras.Model(assembled.model.input, head_of(assembled)[-1].input)
    np.testing.assert_allclose(numpy(features(IMAGES)), taken, rtol=1e-4, atol=1e-5)
    assert pooled(assembled.backbone, assembled.output, Head()) == words


def test_all_tokens_as_one_vector_and_a_head_that_takes_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assembled = made(Named(name="frozen"), head=Head(name="flatten"))
    assert head_of(assembled)[0].output.shape == (None, 17 * 16)
    assert pooled(assembled.backbone, assembled.output, Head(name="flatten")) == "flatten of 17 tokens"
    monkeypatch.setitem(HEADS._builtin, "maps", HeadInfo("of maps", "tlbench.modeling.heads:global_average"))
    with pytest.raises(
        UserError, match=r"^head maps takes feature maps, but the backbone returns tokens; use gap or flatten$"
    ):
        made(Named(name="frozen"), head=Head(name="maps"))


def test_a_boundary_lies_between_blocks() -> None:
    assembled = made(Named(name="partial", args={"trainable": 0.4}))
    found = list(dict.fromkeys(blocks_of(assembled.backbone)))
    assert found[1:] == ["transformer_block_1", "transformer_block_2", "transformer_block_3"]
    trained = {layer.name for layer in assembled.backbone.layers if layer.trainable_weights}
    assert trained == {"transformer_block_3", "ln"}
    named = made(Named(name="partial", args={"from_layer": "transformer_block_2"}))
    assert named.backbone.layers[named.frozen].name == "transformer_block_2"
    assert "in blocks transformer_block_2 to transformer_block_3" in trained_part(named.backbone, named.part)


HIDDEN, WIDE, TOKENS, PATCHES, BLOCKS, CLASSES = 16, 32, 17, 16, 3, 3
KERNELS = 4 * HIDDEN * HIDDEN + 2 * HIDDEN * WIDE
HEAD = HIDDEN * CLASSES + CLASSES


def test_what_is_trained_is_counted_within_blocks() -> None:
    biases, norms = 4 * HIDDEN + WIDE + HIDDEN, 2 * 2 * HIDDEN
    embedding = (8 * 8 * 3 + 1) * HIDDEN + HIDDEN + TOKENS * HIDDEN
    whole = BLOCKS * (KERNELS + biases + norms) + embedding + 2 * HIDDEN
    trainable = {name: count(made(Named(name=name))).trainable for name in ("frozen", "full", "bias", "norm", "lora")}
    assert trainable["frozen"] == HEAD
    assert trainable["full"] == whole + HEAD
    assert trainable["bias"] == BLOCKS * (biases + 2 * HIDDEN) + HIDDEN + HIDDEN + HEAD  # and beta, and the patches'
    assert trainable["norm"] == BLOCKS * norms + 2 * HIDDEN + HEAD
    assert trainable["lora"] > HEAD
    assert "layers adapted, not" not in trained_part(*_of(made(Named(name="lora"))))


def _of(assembled: Assembled) -> tuple[Any, Any]:
    return assembled.backbone, assembled.part


def test_operations_are_those_of_the_paper_and_nothing_is_left_uncounted() -> None:
    counts = count(made(Named(name="frozen")))
    attention = 2 * TOKENS * TOKENS * HIDDEN
    expected = PATCHES * 8 * 8 * 3 * HIDDEN + BLOCKS * (TOKENS * KERNELS + attention)
    assert counts.backbone.flops == 2 * expected
    assert counts.head.flops == 2 * HIDDEN * CLASSES
    assert counts.uncounted == ()


@pytest.mark.parametrize(
    ("name", "params", "flops"),
    [
        ("DeiTBackbone", 5_524_800, 2_521_239_552),
        pytest.param("SwinTransformerBackbone", 27_519_354, 8_979_597_312, marks=pytest.mark.slow),
    ],
)
def test_defaults_are_a_published_model_and_its_operations_those_that_torchs_counter_gives(
    name: str, params: int, flops: int
) -> None:
    """Parameters as keras-hub gives them beside its weights; tests/integration/test_hub.py asks torch itself."""
    counts = count(assemble(Named(name=name), Named(name="frozen"), Head(), 2, 224))
    assert (counts.backbone.params, counts.backbone.flops, counts.uncounted) == (params, flops, ())


@pytest.mark.parametrize("name", TINY)
@pytest.mark.parametrize(
    "strategy", [Named(name="frozen"), Named(name="partial", args={"trainable": 0.4})], ids=lambda one: one.name
)
def test_above_on_below_is_the_whole_model(name: str, strategy: Named) -> None:
    assembled = made(strategy, named(name))
    at = boundary(assembled, assembled.frozen, head_of(assembled))
    assert at is not None
    assert len(at.handed) == 1
    (handed,) = keras.tree.flatten(lower_model(assembled, [at])(IMAGES))
    above = numpy(upper_model(assembled, at)(handed))
    np.testing.assert_allclose(above, numpy(assembled.model(IMAGES)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", TINY)
@pytest.mark.parametrize("strategy", ["full", "lora"])
def test_a_kept_model_is_opened_again(name: str, strategy: str, tmp_path: Path) -> None:
    model = made(Named(name=strategy), named(name)).model
    keep_model(model, tmp_path, "cell")
    opened = open_model(tmp_path / "cell.keras", name)
    np.testing.assert_allclose(numpy(opened(IMAGES)), numpy(model(IMAGES)), rtol=1e-5, atol=1e-6)


def test_what_keras_hub_refuses_is_told_in_its_words() -> None:
    with pytest.raises(UserError, match=r"keras-hub cannot build ViTBackbone with .*divisible by patch size 7"):
        made(Named(name="full"), Named(name="ViTBackbone", args={**VIT.args, "patch_size": 7}))
    with pytest.raises(UserError, match="ViTBackbone has no original classifier"):
        make_backbone(registry.get("ViTBackbone"), VIT.args, (32, 32, 3), None, top=True)


@pytest.mark.parametrize("name", ["ViTBackbone", "SwinTransformerBackbone", "DINOV2Backbone"])
def test_a_preset_computes_what_keras_hub_loads_from_it(name: str, tmp_path: Path) -> None:
    keras.utils.set_random_seed(1)
    own = getattr(keras_hub.models, name)(**architecture(name).made_of(TINY[name], (32, 32, 3)))
    own.save_to_preset(str(tmp_path / "mine"))
    backbone = saved.backbone(tmp_path / "mine", "torch")
    info = registry.of(backbone)
    assert (info.default_size, info.most_size, info.output) == (32, 32, architecture(name).output)
    weighted = make_backbone(info, backbone.args, (32, 32, 3), tmp_path / "mine")
    loaded = keras_hub.models.Backbone.from_preset(str(tmp_path / "mine"))
    np.testing.assert_allclose(numpy(weighted(IMAGES / 255)), of_hub(loaded), rtol=1e-5, atol=1e-5)
    random = make_backbone(info, backbone.args, (32, 32, 3), None)
    assert np.abs(numpy(random(IMAGES / 255)) - of_hub(loaded)).max() > 1e-3


def test_a_preset_of_another_family_is_taken_where_it_gives_a_feature_map(tmp_path: Path) -> None:
    own = keras_hub.models.DenseNetBackbone([1, 1], image_shape=(None, None, 3))
    own.save_to_preset(str(tmp_path / "dense"))
    backbone = saved.backbone(tmp_path / "dense", "torch")
    model = make_backbone(registry.of(backbone), backbone.args, (32, 32, 3), tmp_path / "dense")
    np.testing.assert_allclose(numpy(model(IMAGES / 255)), of_hub(own), rtol=1e-5, atol=1e-5)
    own.save_weights(tmp_path / "dense" / "model.weights.h5")
    (tmp_path / "dense" / "config.json").write_text((tmp_path / "dense" / "config.json").read_text() + " ")
    with pytest.raises(UserError, match="dense has changed since the run began; run it again"):
        make_backbone(registry.of(backbone), backbone.args, (32, 32, 3), None)
