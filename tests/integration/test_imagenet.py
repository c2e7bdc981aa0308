"""Original classifiers: counted, timed, and evaluated where there is an ImageNet folder."""

import json
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from keras.src.legacy.saving import legacy_h5_format
from PIL import Image

from tests.integration.conftest import Command
from tlbench.backbones import registry
from tlbench.backbones.official import official_file
from tlbench.core.errors import UserError
from tlbench.datasets.decode import read_crop
from tlbench.datasets.imagenet import at_size, find_imagenet
from tlbench.results.store import Store

SUITE = """\
name: originals
backbones: {name: MobileNet, alpha: 0.25}
datasets: imagenet
strategies: pretrained
heads: imagenet
image_size: 32
timing: {protocol: keras, batch_size: [2, 1], max_seconds: 0.5}
fallback: {weights: random}
"""


def imagenet_like(folder: Path) -> Path:
    """1000 folders, of which the first 8 have pictures: wide ones with a coloured middle."""
    for index in range(1000):
        place = folder / f"n{index:08d}"
        place.mkdir(parents=True)
        if index < 8:
            pixels = np.full((40, 60, 3), 255, np.uint8)
            pixels[:, 15:45] = (index * 30, 100, 255 - index * 30)
            Image.fromarray(pixels).save(place / "ILSVRC2012_val.png")
    return folder


def test_without_imagenet_there_are_counts_and_times_and_published_accuracies(place: Path, tlbench: Command) -> None:
    (place / "originals.yaml").write_text(SUITE)
    said = tlbench("run", "originals.yaml", "--out", "run")
    assert said.returncode == 0, said.stderr
    assert "no accuracies are measured, since TLBENCH_IMAGENET names no validation folder" in said.stderr
    (record,) = Store(place / "run").read_all().records
    assert record.accuracy is None
    assert record.counts is not None
    assert record.counts.params == 475_544
    assert record.timings is not None
    assert [(step.step, step.batch_size) for step in record.timings.steps] == [("inference", 2), ("inference", 1)]
    report = (place / "run" / "report.random-weights.md").read_text(encoding="utf-8")
    assert "## Inference by batch size" in report
    assert "images/s" in report
    assert tlbench("run", "originals.yaml", "--out", "run").stderr.count("The one cell is done already") == 1


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # numpy of h5py's making
def test_with_imagenet_and_weights_accuracy_is_measured(place: Path, tlbench: Command) -> None:
    info = registry.get("MobileNet")
    official = official_file(info, {"alpha": 0.25}, True)
    assert official is not None
    model = keras.applications.MobileNet(weights=None, alpha=0.25, input_shape=(32, 32, 3))
    (place / "weights").mkdir()
    with h5py.File(place / "weights" / official.file, "w") as file:  # as Keras' official files are
        legacy_h5_format.save_weights_to_hdf5_group(file, model)
    folder = imagenet_like(place / "imagenet")
    (place / "originals.yaml").write_text(SUITE.replace("keras, batch_size: [2, 1], max_seconds: 0.5", "none"))
    said = tlbench("run", "originals.yaml", "--out", "run", TLBENCH_IMAGENET=str(folder), TLBENCH_WEIGHTS="weights")
    assert said.returncode == 0, said.stderr
    (record,) = Store(place / "run").read_all().records
    assert record.weights is not None
    assert record.weights.source == "imagenet"
    assert record.accuracy is not None
    images = np.asarray(find_imagenet(folder, None, 32).splits["test"].open(info.crop)[0])
    scaled = keras.applications.mobilenet.preprocess_input(images.astype("float32"))
    expected = keras.ops.convert_to_numpy(model(scaled, training=False))
    predictions = Store(place / "run").read_predictions(record.cell_id)
    assert predictions is not None
    np.testing.assert_allclose(predictions[0], expected, atol=1e-5)
    assert record.accuracy.images == 8
    assert record.accuracy.correct == int((expected.argmax(1) == np.arange(8)).sum())
    assert record.accuracy.top5 is not None


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_classify_names_what_keras_own_classifier_says(place: Path, tlbench: Command) -> None:
    info, weights = registry.get("MobileNet"), place / "weights"
    official = official_file(info, {"alpha": 0.25}, True)
    assert official is not None
    said = tlbench("classify", "MobileNet", "--set", "alpha=0.25", "a.png", TLBENCH_WEIGHTS=str(place))
    assert said.returncode == 64
    assert f"{official.file} is not in" in said.stderr
    assert "random weights would only pretend to know the classes" in said.stderr
    model = keras.applications.MobileNet(weights=None, alpha=0.25)
    bias = model.get_layer("conv_preds").bias  # features without training are so small that all classes would be equal
    bias.assign(np.random.default_rng(0).normal(size=bias.shape))
    weights.mkdir()
    with h5py.File(weights / official.file, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)
    file_name = imagenet_like(place / "imagenet") / "n00000003" / "ILSVRC2012_val.png"
    said = tlbench("classify", "MobileNet", "--set", "alpha=0.25", str(file_name), TLBENCH_WEIGHTS="weights")
    assert said.returncode == 64
    assert "imagenet_class_index.json is not in weights or" in said.stderr
    names = {str(number): [f"n{number:08d}", f"name_{number}"] for number in range(1000)}
    (weights / "imagenet_class_index.json").write_text(json.dumps(names))
    asked = ("classify", "MobileNet", "--set", "alpha=0.25", str(file_name), "--json")
    said = tlbench(*asked, TLBENCH_WEIGHTS="weights")
    assert said.returncode == 0, said.stderr
    pixels = read_crop(file_name, 224, info.crop).astype("float32")
    scaled = keras.applications.mobilenet.preprocess_input(pixels[None])
    expected = keras.ops.convert_to_numpy(model(scaled, training=False))[0]
    found = json.loads(said.stdout)["images"][0]["classes"]
    best = np.argsort(-expected)[:5]
    assert [one["class"] for one in found] == [f"name {number}" for number in best]
    np.testing.assert_allclose([one["probability"] for one in found], expected[best], rtol=1e-4)


def test_the_crop_is_the_middle_of_the_shorter_side(tmp_path: Path) -> None:
    folder = imagenet_like(tmp_path / "imagenet")
    pixels = read_crop(folder / "n00000003/ILSVRC2012_val.png", 32, 0.75)
    assert pixels.shape == (32, 32, 3)
    # 30 of 40 pixels: nothing of the white sides is left.
    assert np.abs(pixels.astype(int) - (90, 100, 165)).max() < 12


def test_without_a_crop_the_whole_image_is_resized(tmp_path: Path) -> None:
    file = imagenet_like(tmp_path / "imagenet") / "n00000003/ILSVRC2012_val.png"
    pixels = read_crop(file, 32, None)
    with Image.open(file) as image:
        np.testing.assert_array_equal(pixels, image.convert("RGB").resize((32, 32), Image.Resampling.BICUBIC))
    assert (pixels[:, 0] > 240).all(), "the white sides are in it"


def test_at_another_size_they_are_the_images_that_another_look_finds(tmp_path: Path) -> None:
    folder = imagenet_like(tmp_path / "imagenet")
    assert at_size(find_imagenet(folder, 1, 32), 64) == find_imagenet(folder, 1, 64)


def test_a_folder_that_is_not_imagenet_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has 0 folders, not the 1000"):
        find_imagenet(tmp_path, None, 32)
    with pytest.raises(UserError, match="does not exist; correct or unset TLBENCH_IMAGENET"):
        find_imagenet(tmp_path / "nowhere", None, 32)
