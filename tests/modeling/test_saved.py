"""A backbone from a file computes what the model in the file does, up to its last feature map."""

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from tlbench.backbones import registry, saved
from tlbench.core.cell import Named
from tlbench.core.errors import UserError
from tlbench.modeling.assemble import make_backbone
from tlbench.modeling.freezing import Freezing
from tlbench.modeling.saved import load
from tlbench.strategies.base import Part

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # TensorFlow's own
IMAGES = np.random.default_rng(0).integers(0, 256, (4, 24, 24, 3)).astype("float32")


def network(size: int | None, *, frozen: bool = False) -> keras.Model:
    inputs = keras.Input((size, size, 3))
    x = layers.Rescaling(1 / 255, name="scale")(inputs)
    x = layers.Conv2D(4, 3, strides=2, name="first", trainable=not frozen)(x)
    x = layers.Conv2D(6, 3, name="second")(layers.BatchNormalization(name="norm")(x))
    pooled = layers.GlobalAveragePooling2D(name="pool")(layers.ReLU(name="last")(x))
    return keras.Model(inputs, layers.Dense(3, name="classifier")(pooled))


def made(file: Path, weights: Path | None, size: int = 24) -> keras.Model:
    own = saved.backbone(file, None)
    return make_backbone(registry.of(own), own.args, (size, size, 3), weights)


@pytest.mark.parametrize("size", [24, None])
def test_its_features_are_those_of_the_model_below_its_classifier(tmp_path: Path, size: int | None) -> None:
    model, file = network(size, frozen=True), tmp_path / "my.keras"
    for variable in model.get_layer("norm").weights:
        variable.assign(variable + 0.5)
    model.save(file)
    expected = keras.Model(model.inputs, model.get_layer("last").output).predict(IMAGES, verbose=0)
    backbone = made(file, file)
    assert [layer.name for layer in backbone.layers][1:] == ["scale", "first", "norm", "second", "last"]
    np.testing.assert_allclose(backbone.predict(IMAGES, verbose=0), expected, rtol=1e-5, atol=1e-6)
    assert all(layer.trainable for layer in backbone.layers), "what is frozen is the strategy's to say"
    random = made(file, None)
    assert np.abs(random.predict(IMAGES, verbose=0) - expected).max() > 1e-3
    load(random, file)
    np.testing.assert_allclose(random.predict(IMAGES, verbose=0), expected, rtol=1e-5, atol=1e-6)


def with_random_layers(*first: keras.Layer) -> keras.Model:
    inputs = x = keras.Input((24, 24, 3))
    for layer in first:
        x = layer(x)
    x = layers.Conv2D(4, 3, name="conv")(layers.Rescaling(1 / 255, name="scale")(x))
    return keras.Model(inputs, layers.GaussianNoise(0.3, name="noise")(x))


CHANGES = ["RandomFlip", "RandomRotation", "RandomContrast", "RandomErasing", "RandAugment", "MixUp"]


def test_changes_of_images_in_the_file_are_left_out_and_noise_is_off_where_it_is_frozen(tmp_path: Path) -> None:
    """Keras' tutorials have the first in the model; what a strategy is compared with must not have them either."""
    factor = {"RandomRotation": 0.2, "RandomContrast": 0.2}
    model = with_random_layers(
        *(getattr(layers, kind)(*([factor[kind]] if kind in factor else []), name=kind) for kind in CHANGES)
    )
    file = tmp_path / "my.keras"
    model.save(file)
    backbone = made(file, file)
    assert [layer.name for layer in backbone.layers][1:] == [*CHANGES, "scale", "conv", "noise"]
    expected = model.predict(IMAGES, verbose=0)
    freezing = Freezing(backbone)
    for frozen, fixed in ((len(backbone.layers), True), (0, False)):
        freezing.freeze(Part(frozen=frozen))
        np.testing.assert_allclose(backbone(IMAGES, training=False), expected, rtol=1e-4, atol=1e-5)
        noise = np.std(np.asarray(backbone(IMAGES, training=True)) - expected)
        assert noise == pytest.approx(0 if fixed else 0.3, abs=0.02)


def test_a_random_layer_that_nothing_switches_off_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "crops.keras"
    with_random_layers(layers.RandomCrop(20, 20, name="crop")).save(file)
    with pytest.raises(UserError, match=r"^crops has a layer that draws .* 'crop' \(RandomCrop\); leave it out"):
        Freezing(made(file, file))


def test_a_program_is_not_run_even_where_it_was_not_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = keras.Input((24, 24, 3))
    file = tmp_path / "lambda.keras"
    keras.Model(inputs, layers.Conv2D(2, 3)(layers.Lambda(lambda x: x / 255)(inputs))).save(file)
    with pytest.raises(UserError, match=r"is not opened: layer 'lambda.*' is a Lambda layer"):
        saved.backbone(file, "inside")
    monkeypatch.setattr(saved, "_has_program", lambda layer: False)
    own = saved.backbone(file, "inside")
    with pytest.raises(UserError, match=r"cannot be loaded by Keras .*Lambda"):
        make_backbone(registry.of(own), own.args, (24, 24, 3), None)


def test_what_it_cannot_be_is_told(tmp_path: Path) -> None:
    file = tmp_path / "my.keras"
    network(24).save(file)
    own = saved.backbone(file, None)
    with pytest.raises(UserError, match=r"my\.keras is used without its classifier"):
        make_backbone(registry.of(own), own.args, (24, 24, 3), None, top=True)
    network(24).save(file)
    with pytest.raises(UserError, match=r"my\.keras has changed since the run began"):
        make_backbone(registry.of(own), own.args, (24, 24, 3), None)
    keras.Sequential([keras.Input((24, 24, 3)), layers.Rescaling(1.0), layers.Flatten(), layers.Dense(2)]).save(file)
    own = Named(name="file", args=saved.backbone(file, None).args)
    with pytest.raises(UserError, match="has no layer that returns a feature map"):
        make_backbone(registry.of(own), own.args, (24, 24, 3), None)
