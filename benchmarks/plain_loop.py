"""What a careful user writes without tlbench: Keras' transfer learning guide over the same cells, in one process.

https://keras.io/guides/transfer_learning: first the head on the frozen backbone, then, where the strategy frees any of
it, backbone and head at a low rate. BatchNormalization stays frozen, for Keras 3 runs it on the batch's statistics
otherwise, whatever ``training`` the backbone was called with (docs/notes-fine-tuning.md). Images are decoded once and
cached, batches are prefetched, one data set serves all cells, and the test set is looked at once. With ``cached`` the
head is trained on features that the backbone gave once for each data set, as the guide's faster workflow does. Called
by against_a_loop.py.
"""

import argparse
import json
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import keras
import numpy as np
import tensorflow as tf

HEAD_RATE, RATE = 3e-3, 1e-5
"""Of the head alone, and of what the guide calls a very low rate."""
SPLITS = ("train", "validation", "test")


def images_of(folder: Path, size: int, *, shuffle: bool) -> tf.data.Dataset:
    """Decoded images and labels, cached in memory, in batches of 32."""
    images = keras.utils.image_dataset_from_directory(
        folder, image_size=(size, size), batch_size=None, shuffle=False, verbose=False
    )
    images = images.cache()
    if shuffle:
        images = images.shuffle(4096, reshuffle_each_iteration=True)
    return images.batch(32).prefetch(tf.data.AUTOTUNE)


def backbone_of(cell: dict, size: int, weights: Path) -> keras.Model:
    """The backbone with its weights."""
    constructor = getattr(keras.applications, cell["backbone"])
    made = constructor(include_top=False, weights=None, input_shape=(size, size, 3), alpha=cell["alpha"])
    made.load_weights(weights / cell["weights"])
    return made


def features_of(backbone: keras.Model, data: dict[str, tf.data.Dataset], size: int) -> dict[str, tuple]:
    """Pooled features and labels of each split, as arrays."""
    inputs = keras.Input((size, size, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(backbone(keras.layers.Rescaling(1 / 127.5, -1)(inputs)))
    extractor = keras.Model(inputs, pooled)
    found = {}
    for name in SPLITS:
        pairs = [(extractor.predict_on_batch(images), labels) for images, labels in data[name]]
        found[name] = tuple(np.concatenate(each) for each in zip(*pairs, strict=True))
    return found


def head_of(cell: dict, classes: int, features: int) -> keras.Model:
    """The classifier on pooled features."""
    inputs = keras.Input((features,))
    x = inputs
    for units in cell["hidden"]:
        x = keras.layers.Dense(units, activation="relu")(x)
    return keras.Model(inputs, keras.layers.Dense(classes, activation="softmax")(x))


def fit(model: keras.Model, train: object, validation: object, rate: float, epochs: int) -> None:
    """Adam on cross-entropy; the weights of the last epoch stay."""
    model.compile(optimizer=keras.optimizers.Adam(rate), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    given = {"x": train} if isinstance(train, tf.data.Dataset) else {"x": train[0], "y": train[1], "batch_size": 32}
    model.fit(**given, validation_data=validation, epochs=epochs, verbose=0)


def accuracy_of(cell: dict, asked: dict, data: dict, classes: int, kept: dict[str, tuple] | None) -> float:
    """Train one cell; its test accuracy. kept: the features, where they are."""
    keras.utils.set_random_seed(cell["seed"])
    size, epochs = asked["size"], asked["epochs"]
    backbone = backbone_of(cell, size, Path(asked["weights"]))
    head = head_of(cell, classes, backbone.output_shape[-1])
    inputs = keras.Input((size, size, 3))
    x = backbone(keras.layers.Rescaling(1 / 127.5, -1)(inputs), training=False)
    model = keras.Model(inputs, head(keras.layers.GlobalAveragePooling2D()(x)))
    backbone.trainable = False
    if kept is not None:
        fit(head, kept["train"], kept["validation"], HEAD_RATE, epochs)
        if cell["strategy"] == "frozen":
            return head.evaluate(*kept["test"], verbose=0)[1]
    else:
        fit(model, data["train"], data["validation"], HEAD_RATE, epochs)
    if cell["strategy"] != "frozen":
        backbone.trainable = True
        frozen = {"partial": round(len(backbone.layers) * 0.7), "full": 0}[cell["strategy"]]
        for number, layer in enumerate(backbone.layers):
            if number < frozen or isinstance(layer, keras.layers.BatchNormalization):
                layer.trainable = False
        fit(model, data["train"], data["validation"], RATE, epochs)
    if model.optimizer is None:
        model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model.evaluate(data["test"], verbose=0)[1]


def main() -> None:
    """Train all cells of a JSON file; print their test accuracies."""
    parser = argparse.ArgumentParser()
    parser.add_argument("cells", type=Path)
    asked = json.loads(parser.parse_args().cells.read_text())
    splits, kept, accuracies = {}, {}, []
    for cell in asked["cells"]:
        folder = Path(asked["data"]) / cell["dataset"]
        if folder not in splits:
            splits[folder] = {name: images_of(folder / name, asked["size"], shuffle=name == "train") for name in SPLITS}
        data, key = splits[folder], (folder, cell["backbone"])
        keras.backend.clear_session()
        if asked["cached"] and key not in kept:
            backbone = backbone_of(cell, asked["size"], Path(asked["weights"]))
            kept[key] = features_of(backbone, data, asked["size"])
        classes = len(list((folder / "train").iterdir()))
        accuracies.append(accuracy_of(cell, asked, data, classes, kept.get(key)))
    print(json.dumps(accuracies))


main()
