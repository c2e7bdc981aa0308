"""Models: scaled as Keras does it, frozen where they should be, counted as published."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from tests import builders  # noqa: E402
from tests.narrow import present  # noqa: E402
from tlbench.backbones import registry  # noqa: E402
from tlbench.backbones.spec import Scaling  # noqa: E402
from tlbench.core.cell import Head, Named  # noqa: E402
from tlbench.core.errors import UserError  # noqa: E402
from tlbench.modeling.assemble import assemble, build, make_backbone, without_top  # noqa: E402
from tlbench.modeling.counting import count, count_original, count_part  # noqa: E402
from tlbench.modeling.flops import flops  # noqa: E402
from tlbench.modeling.heads import head_layers  # noqa: E402
from tlbench.modeling.preprocessing import check_scaling, scaling_layers  # noqa: E402

SMALL = Named(name="MobileNet", args={"alpha": 0.25})


pytestmark = pytest.mark.usefixtures("fresh_keras")


@pytest.mark.parametrize("name", registry.expand_pattern("all"))
def test_scaling_equals_preprocess_input_of_every_backbone(name: str) -> None:
    info = registry.get(name)
    images = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3)).astype("float32")
    expected = getattr(keras.applications, present(info.module)).preprocess_input(images.copy())
    scaled = images
    for layer in scaling_layers(info.scaling):
        scaled = keras.ops.convert_to_numpy(layer(scaled))
    np.testing.assert_allclose(scaled, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "wrong", "feeds"),
    [
        ("MobileNetV2", "inside", "feeds it 0 to 255"),
        ("ResNet50", "tf", "feeds it -1 to 1"),
        ("VGG16", "torch", "feeds"),
    ],
)
def test_wrong_scaling_is_caught_by_a_guard(
    name: str, wrong: Scaling, feeds: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = dataclasses.replace(registry.get(name), scaling=wrong)
    monkeypatch.setattr(registry, "get", lambda name: info)
    with pytest.raises(UserError, match=f"{name} expects images from .* to .*{feeds}"):
        assemble(Named(name=name), Named(name="frozen"), Head(), 2, 32)


@pytest.mark.parametrize("name", registry.names())
def test_the_guard_lets_every_backbone_pass(name: str) -> None:
    check_scaling(registry.get(name))


@pytest.mark.parametrize("scaling", ["tf", "caffe", "torch"])
def test_scaling_survives_saving(scaling: Scaling, tmp_path: Path) -> None:
    inputs = keras.Input((8, 8, 3))
    outputs = inputs
    for layer in scaling_layers(scaling):
        outputs = layer(outputs)
    model = keras.Model(inputs, outputs)
    model.save(tmp_path / "model.keras")
    images = np.random.default_rng(0).uniform(0, 255, (2, 8, 8, 3)).astype("float32")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(images), model(images))


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights that are only counted are zeros: drawing them takes a second for each 100 MB."""
    monkeypatch.setattr(keras.initializers.VarianceScaling, "__call__", keras.initializers.Zeros.__call__)


@pytest.mark.usefixtures("undrawn")
def test_a_lessons_numbers() -> None:
    head = Head(name="flatten", output="sigmoid")
    counts = count(assemble(Named(name="VGG19"), Named(name="frozen"), head, 2, 224))
    assert (counts.params, counts.trainable, counts.non_trainable) == (20_049_473, 25_089, 20_024_384)


# From keras.io/api/applications, the top included; parameters in full from Keras' own summaries.
PUBLISHED = [("MobileNet", 4_253_864, 55), ("MobileNetV2", 3_538_984, 105), ("ResNet50", 25_636_712, 107)]
ONE_OF_EACH_FAMILY = ["VGG16", "ResNet50V2", "DenseNet121", "NASNetMobile", "EfficientNetB0", "Xception", "InceptionV3"]


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(("name", "params", "depth"), PUBLISHED)
def test_published_counts_with_the_original_classifier(name: str, params: int, depth: int) -> None:
    counts = count_part([getattr(keras.applications, name)(weights=None)])
    assert (counts.params, counts.depth) == (params, depth)


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(
    "name",
    [
        name if name in ONE_OF_EACH_FAMILY else pytest.param(name, marks=pytest.mark.slow)
        for name in registry.names()
        if registry.get(name).published
    ],
)
def test_every_published_row(name: str) -> None:
    published = registry.get(name).published
    assert published is not None
    counts = count_part([getattr(keras.applications, name)(weights=None)])
    assert published.params_m == pytest.approx(counts.params / 1e6, abs=0.0501)
    assert published.depth in (None, counts.depth)


def test_operations_equal_those_that_torchs_counter_gives() -> None:
    counts = count(assemble(Named(name="MobileNetV2"), Named(name="frozen"), Head(), 10, 96))
    assert counts.flops == 110_043_904
    assert counts.flops == counts.backbone.flops + counts.head.flops
    assert counts.head.flops == 2 * 1280 * 10


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (keras.layers.Conv2D(5, 3, padding="same"), 2 * 8 * 8 * 5 * 9 * 4),
        (keras.layers.Conv2D(6, 3, strides=2, padding="same", groups=2), 2 * 4 * 4 * 6 * 9 * 2),
        (keras.layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2), 2 * 8 * 8 * 8 * 9),
        (keras.layers.SeparableConv2D(5, 3, padding="same"), 2 * 8 * 8 * (4 * 9 + 4 * 5)),
        (keras.layers.Dense(7), 2 * 8 * 8 * 4 * 7),
        (keras.layers.ReLU(), 0),
    ],
)
def test_operations_of_one_layer_by_hand(layer: Any, expected: int) -> None:
    layer(keras.Input((8, 8, 4)))
    assert flops([layer]) == expected


def test_parts_add_up_to_the_whole() -> None:
    counts = count(assemble(SMALL, Named(name="full"), Head(hidden=(16,)), 3, 32))
    assert counts.backbone.params + counts.head.params == counts.params == counts.trainable + counts.non_trainable
    assert counts.head.params == 256 * 16 + 16 + 16 * 3 + 3
    assert counts.size_mb == pytest.approx(counts.params * 4 / 2**20)


@pytest.mark.parametrize(
    ("strategy", "frozen"),
    [
        (Named(name="frozen"), "all"),
        (Named(name="full"), "none"),
        (Named(name="partial", args={"from_layer": "conv_dw_12"}), "below"),
        (Named(name="partial", args={"trainable": 0.3}), "below"),
    ],
)
def test_the_boundary_separates_frozen_layers_from_trained_ones(strategy: Named, frozen: str) -> None:
    made = assemble(SMALL, strategy, Head(), 2, 32)
    below, above = made.backbone.layers[: made.frozen], made.backbone.layers[made.frozen :]
    assert not any(layer.trainable_weights for layer in below)
    assert all(layer.trainable_weights for layer in above if layer.weights)
    assert {"all": not above, "none": not below, "below": bool(above and below)}[frozen]


def test_a_third_of_mobilenets_layers() -> None:
    made = assemble(SMALL, Named(name="partial", args={"trainable": 0.3}), Head(), 2, 32)
    weighted = [layer for layer in made.backbone.layers if layer.weights]
    trained = [layer for layer in weighted if layer.trainable_weights]
    assert len(trained) == round(0.3 * len(weighted))


@pytest.mark.parametrize(("strategy", "moves"), [("frozen", False), ("full", True)])
def test_a_frozen_batch_normalization_keeps_its_statistics(strategy: str, moves: bool) -> None:
    made = assemble(SMALL, Named(name=strategy), Head(), 2, 32)
    norms = [layer for layer in made.backbone.layers if isinstance(layer, keras.layers.BatchNormalization)]
    before = [layer.moving_mean.numpy() for layer in norms]
    made.model.compile(keras.optimizers.SGD(1e-3), "sparse_categorical_crossentropy", run_eagerly=True)
    images = np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), dtype=np.uint8)
    made.model.train_on_batch(images, np.arange(8, dtype=np.int32) % 2)
    changed = [not np.array_equal(old, layer.moving_mean.numpy()) for old, layer in zip(before, norms, strict=True)]
    assert any(changed) == all(changed) == moves


@pytest.mark.parametrize(("strategy", "momentum"), [("scratch", 0.9), ("full", 0.99)])
def test_only_scratch_has_statistics_that_follow_in_a_few_steps(strategy: str, momentum: float) -> None:
    weights = "random" if strategy == "scratch" else "imagenet"
    cell = builders.cell(strategy=Named(name=strategy), weights=weights, image_size=32)
    norm = build(cell, 2, None).backbone.get_layer("conv1_bn")
    assert norm.momentum == momentum


def test_images_may_be_no_squares() -> None:
    """Height first, as Keras has it; the head of a flattened backbone sees its own shape."""
    model = build(builders.cell(image_size=(32, 96), head=Head(name="flatten")), 2, None).model
    assert model.input_shape == (None, 32, 96, 3)
    assert model.layers[-1].kernel.shape == (1 * 3 * 256, 2)


def test_equal_seeds_build_equal_models_and_others_do_not() -> None:
    def weights(seed: int) -> list[np.ndarray]:
        cell = builders.cell(backbone=Named(name="SmallConvNet"), weights="random", seed=seed, image_size=48)
        arrays: list[np.ndarray] = build(cell, 2, None).model.get_weights()
        return arrays

    first, again, other = weights(1), weights(1), weights(2)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_images_may_be_bytes_or_floats() -> None:
    model = assemble(SMALL, Named(name="frozen"), Head(), 2, 32).model
    images = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
    np.testing.assert_array_equal(model(images), model(images.astype("float32")))


def test_heads() -> None:
    names = [layer.name for layer in head_layers(Head(name="flatten", hidden=(8, 4), dropout=0.5), 3)]
    assert names == ["pooling", "hidden_1", "hidden_2", "dropout", "classifier"]
    assert head_layers(Head(output="sigmoid"), 2)[-1].units == 1
    with pytest.raises(UserError, match="needs two classes, the data set has 3"):
        head_layers(Head(output="sigmoid"), 3)


def test_mixed_precision_ends_in_float32() -> None:
    model = build(builders.cell(precision="mixed_bfloat16", image_size=32), 2, None).model
    assert model.layers[-1].compute_dtype == "float32"
    assert model.get_layer("mobilenet_0.25_32").layers[1].compute_dtype == "bfloat16"
    assert {weight.dtype for weight in model.weights} == {"float32"}


@pytest.mark.real_weights
@pytest.mark.parametrize(("name", "alpha"), [("MobileNet", 0.25), ("MobileNetV2", 0.35)])
def test_real_weights_give_what_keras_gives(real_weights: Path, name: str, alpha: float) -> None:
    from tlbench.backbones.weights import find

    info, args = registry.get(name), {"alpha": alpha}
    source = find(info, args, False, real_weights, instead=None)
    ours = make_backbone(info, args, (96, 96, 3), source.path)
    theirs = getattr(keras.applications, name)(
        alpha=alpha, include_top=False, weights=str(source.path), input_shape=(96, 96, 3)
    )
    for mine, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, other)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # TensorFlow's own
def test_efficientnet_scales_images_as_keras_does_with_imagenet_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keras adds a step of scaling only where it loads the weights itself."""
    file, shape = tmp_path / "official.weights.h5", (32, 32, 3)
    source = keras.applications.EfficientNetB0(include_top=False, weights=None, input_shape=shape)
    normalization = next(one for one in source.layers if isinstance(one, keras.layers.Normalization))
    normalization.set_weights([np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225]), np.array(1)])
    source.save_weights(file)
    monkeypatch.setattr("keras.src.utils.file_utils.get_file", lambda *args, **more: str(file))
    theirs = keras.applications.EfficientNetB0(include_top=False, weights="imagenet", input_shape=shape)
    ours = make_backbone(registry.get("EfficientNetB0"), {}, shape, file)
    images = np.random.default_rng(0).integers(0, 256, (2, *shape)).astype("float32")

    def scaled(model: Any) -> Any:
        before = keras.Model(model.inputs[0], model.get_layer("stem_conv_pad").input)
        return keras.ops.convert_to_numpy(before(images))

    expected = (images / 255 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
    np.testing.assert_allclose(scaled(theirs), expected, atol=1e-5)
    np.testing.assert_allclose(scaled(ours), expected, atol=1e-5)
    assert len(ours.layers) == len(source.layers)


@pytest.mark.real_weights
def test_weights_of_another_model_and_damaged_files_are_refused(real_weights: Path, tmp_path: Path) -> None:
    wrong = real_weights / "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_224_no_top.h5"
    with pytest.raises(UserError, match="does not hold the weights of MobileNet"):
        make_backbone(registry.get("MobileNet"), {"alpha": 0.25}, (96, 96, 3), wrong)
    cut = tmp_path / "mobilenet_2_5_224_tf_no_top.h5"
    cut.write_bytes((real_weights / cut.name).read_bytes()[:5000])
    with pytest.raises(UserError, match="does not hold the weights"):
        make_backbone(registry.get("MobileNet"), {"alpha": 0.25}, (96, 96, 3), cut)


def test_an_original_classifier_is_counted_by_part() -> None:
    name = Named(name="MobileNet")
    assembled = assemble(name, Named(name="pretrained"), Head(name="imagenet"), 1000, 224)
    counts = count_original(assembled, without_top(name, Named(name="pretrained"), 224))
    assert (counts.params, counts.depth, counts.trainable) == (4_253_864, 55, 0)
    assert counts.head.params == 1024 * 1000 + 1000
    assert counts.head.depth == 1
    assert counts.head.flops == 2 * 1024 * 1000
    assert counts.backbone.params + counts.head.params == counts.params
