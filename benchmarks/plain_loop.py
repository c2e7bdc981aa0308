"""What a careful user writes without tlbench: one Keras loop over the same cells, in one process.

Images are decoded once and cached, batches are prefetched, one data set serves all cells, BatchNormalization of frozen
layers runs in inference mode, and the test set is looked at once. Called by against_a_loop.py.
"""

import argparse
import json
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import keras
import tensorflow as tf

RATES = {"frozen": 3e-3, "partial": 3e-4, "full": 3e-4}


def dataset(folder: Path, size: int, *, shuffle: bool) -> tf.data.Dataset:
    """Decoded images and labels, cached in memory, in batches of 32."""
    images = keras.utils.image_dataset_from_directory(
        folder, image_size=(size, size), batch_size=None, shuffle=False, verbose=False
    )
    images = images.cache()
    if shuffle:
        images = images.shuffle(4096, reshuffle_each_iteration=True)
    return images.batch(32).prefetch(tf.data.AUTOTUNE)


def model(cell: dict, size: int, classes: int, weights: Path) -> keras.Model:
    """The backbone with its weights, frozen as the strategy says, under a new head."""
    keras.utils.set_random_seed(cell["seed"])
    constructor = getattr(keras.applications, cell["backbone"])
    backbone = constructor(include_top=False, weights=None, input_shape=(size, size, 3), alpha=cell["alpha"])
    backbone.load_weights(weights / cell["weights"])
    count = {"frozen": len(backbone.layers), "partial": round(len(backbone.layers) * 0.7), "full": 0}[cell["strategy"]]
    for layer in backbone.layers[:count]:
        layer.trainable = False
    inputs = keras.Input((size, size, 3))
    x = backbone(keras.layers.Rescaling(1 / 127.5, -1)(inputs))
    x = keras.layers.GlobalAveragePooling2D()(x)
    for units in cell["hidden"]:
        x = keras.layers.Dense(units, activation="relu")(x)
    made = keras.Model(inputs, keras.layers.Dense(classes, activation="softmax")(x))
    made.compile(
        optimizer=keras.optimizers.Adam(RATES[cell["strategy"]]),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return made


def main() -> None:
    """Train all cells of a JSON file; print their test accuracies."""
    parser = argparse.ArgumentParser()
    parser.add_argument("cells", type=Path)
    asked = json.loads(parser.parse_args().cells.read_text())
    splits, accuracies = {}, []
    for cell in asked["cells"]:
        folder = Path(asked["data"]) / cell["dataset"]
        if folder not in splits:
            splits[folder] = {
                name: dataset(folder / name, asked["size"], shuffle=name == "train")
                for name in ("train", "validation", "test")
            }
        classes = len(list((folder / "train").iterdir()))
        keras.backend.clear_session()
        made = model(cell, asked["size"], classes, Path(asked["weights"]))
        data = splits[folder]
        made.fit(data["train"], validation_data=data["validation"], epochs=asked["epochs"], verbose=0)
        accuracies.append(made.evaluate(data["test"], verbose=0)[1])
    print(json.dumps(accuracies))


main()
