"""Pretrain the small suite's backbones on drawn pictures: `python -m scripts.pretrain_drawn [FOLDER]`.

Makes what `weights: drawn` takes: one file of Keras for each backbone, without a classifier, kernels as float16 and
vectors as float32, and ``recipe.json``. Classes are those of `scripts.drawn_classes`, drawn as the stand-ins' are:
through a window, in random colours, over a random ground.
The same seed draws the same pictures, and trains to the same accuracy up to rounding.
"""

import argparse
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
from numpy.typing import NDArray

from scripts.drawn_classes import CLASSES
from tlbench.backbones import drawn, registry
from tlbench.cache.download import file_digest
from tlbench.core.cell import Named
from tlbench.datasets.synthetic import picture
from tlbench.modeling.assemble import make_backbone
from tlbench.modeling.preprocessing import scaling_layers
from tlbench.training.fused_norm import fuse_normalization

BACKBONES = (Named(name="MobileNet", args={"alpha": 0.25}), Named(name="MobileNetV2", args={"alpha": 0.35}))
SEED, BATCH, RATE, DECAY, WARMUP = 0, 64, 2e-3, 1e-4, 0.05


def pictures(each: int, size: int) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """`each` pictures of every class (N, size, size, 3), and labels (N,)."""
    images = np.empty((len(CLASSES) * each, size, size, 3), np.uint8)
    for index in range(len(images)):
        label, number = divmod(index, each)
        images[index] = picture(CLASSES[label], size, np.random.default_rng((SEED, 0, label, number)))
    return images, np.repeat(np.arange(len(CLASSES), dtype=np.int32), each)


def pretrain(backbone: Named, images: NDArray[np.uint8], labels: NDArray[np.int32], epochs: int) -> keras.Model:
    """A classifier of the drawn classes; its second layer is the backbone. AdamW, warm-up, cosine (Loshchilov 2019)."""
    keras.utils.set_random_seed(SEED)
    model = untrained(backbone, images.shape[1])
    fuse_normalization(model)
    steps = epochs * math.ceil(len(images) / BATCH)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps, warmup_target=RATE, warmup_steps=math.ceil(WARMUP * steps)
    )
    model.compile(
        optimizer=keras.optimizers.AdamW(rate, weight_decay=DECAY),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(images, labels, batch_size=BATCH, epochs=epochs, verbose=2)
    return model


def untrained(backbone: Named, size: int) -> keras.Model:
    """Scaling, the backbone, average pooling, a linear classifier."""
    info, shape = registry.get(backbone.name), (size, size, 3)
    extractor = make_backbone(info, backbone.args, shape, None)
    return keras.Sequential(
        [
            keras.Input(shape),
            *scaling_layers(info.scaling),
            extractor,
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(len(CLASSES)),
        ]
    )


def save(extractor: keras.Model, path: Path) -> None:
    """Weights as Keras saves them, but kernels as float16: half of a file that everybody downloads."""
    whole = path.with_name(f"whole.{path.name}")
    extractor.save_weights(whole)
    with h5py.File(whole) as source, h5py.File(path, "w", libver="latest") as target:
        _copy(source, target)
    whole.unlink()


def _copy(source: Any, target: Any) -> None:
    target.attrs.update(source.attrs)
    for name, item in source.items():
        if isinstance(item, h5py.Group):
            _copy(item, target.create_group(name))
        else:
            kept = item[()].astype(np.float16) if item.ndim > 1 else item[()]
            target.create_dataset(name, data=kept)  # compressed, so small parts would take more room


def main(folder: Path, each: int, epochs: int, size: int, only: str) -> None:
    """Train each backbone, or the one named `only`, save its weights, and write how they were made."""
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / drawn.RECIPE.name
    kept = json.loads(place.read_text(encoding="utf-8"))["files"] if only else []
    images, labels = pictures(each, size)
    made = {one["file"]: one for one in [*kept, *_files(folder, images, labels, epochs, only)]}
    recipe = {
        "made_by": "scripts/pretrain_drawn.py",
        "classes": len(CLASSES),
        "pictures_a_class": each,
        "size": size,
        "epochs": epochs,
        "batch_size": BATCH,
        "optimizer": f"AdamW, rate {RATE:g} after {WARMUP:.0%} of warm-up, then cosine, weight decay {DECAY:g}",
        "seed": SEED,
        "versions": {"keras": keras.version(), "backend": keras.backend.backend(), "numpy": np.__version__},
        "files": list(made.values()),
    }
    place.write_text(json.dumps(recipe, indent=2) + "\n", encoding="utf-8")


def _files(
    folder: Path, images: NDArray[np.uint8], labels: NDArray[np.int32], epochs: int, only: str
) -> Iterator[dict[str, Any]]:
    for backbone in (one for one in BACKBONES if only in ("", one.name)):
        model = pretrain(backbone, images, labels, epochs)
        path = folder / f"{backbone.name.lower()}_{backbone.args['alpha']}_drawn.weights.h5"
        save(model.layers[1], path)
        yield {
            "backbone": backbone.model_dump(),
            "file": path.name,
            "sha256": file_digest(path),
            "accuracy_of_the_last_epoch": round(float(model.history.history["accuracy"][-1]), 4),
        }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=drawn.FOLDER)
    parser.add_argument("--each", type=int, default=400, help="pictures of every class (default 400)")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--size", type=int, default=96, help="pixels of a side (default 96)")
    parser.add_argument(
        "--only", default="", choices=["", *(one.name for one in BACKBONES)], help="this backbone alone"
    )
    asked = parser.parse_args()
    main(asked.folder, asked.each, asked.epochs, asked.size, asked.only)
