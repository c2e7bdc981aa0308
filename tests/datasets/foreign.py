"""The data sets in tests/data/foreign, and how they were written, by the packages whose formats they are:

pip install datasets tensorflow-datasets array-record tensorflow; python -m tests.datasets.foreign

Pictures are those of `pixels`, without loss, so that what is read can be held against it.
"""

import io
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

HERE = Path(__file__).parents[1] / "data" / "foreign"
SIDE = 8
NAMES = ("wren", "tit", "owl")
"""Not in the order of their letters."""
COUNTS = {"train": 9, "test": 6}


def number(row: int) -> int:
    """Of the class of a row."""
    return row % len(NAMES)


def pixels(split: str, row: int) -> np.ndarray:
    """The picture of a row (8, 8, 3) uint8."""
    return np.random.default_rng([len(split), row]).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)


def png(split: str, row: int) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels(split, row)).save(stream, "PNG")
    return stream.getvalue()


def huggingface() -> None:
    from datasets import ClassLabel, Dataset, DatasetDict, DatasetInfo, Features, NamedSplit, Value
    from datasets import Image as Picture
    from datasets.table import InMemoryTable

    features = Features({"image": Picture(), "id": Value("string"), "labels": ClassLabel(names=list(NAMES))})

    def of(split: str, rows: range) -> Any:
        columns = {
            "image": [{"bytes": png(split, row), "path": None} for row in rows],
            "id": [f"{split} {row}" for row in rows],
            "labels": [number(row) for row in rows],
        }
        table = InMemoryTable.from_pydict(columns, schema=features.arrow_schema)
        return Dataset(table, DatasetInfo(features=features), NamedSplit(split), fingerprint=f"{split} {rows}")

    whole = DatasetDict({split: of(split, range(count)) for split, count in COUNTS.items()})
    whole.save_to_disk(str(HERE / "saved"), num_shards={"train": 2, "test": 1})
    (HERE / "hub" / "data").mkdir(parents=True)
    for name, split, rows in (
        ("train-00000-of-00002", "train", range(5)),
        ("train-00001-of-00002", "train", range(5, 9)),
        ("test-00000-of-00001", "test", range(6)),
    ):
        of(split, rows).to_parquet(str(HERE / "hub" / "data" / f"{name}.parquet"), batch_size=2)


def tfds() -> None:
    import tensorflow_datasets

    features = {
        "image": tensorflow_datasets.features.Image(shape=(None, None, 3)),
        "label": tensorflow_datasets.features.ClassLabel(names=list(NAMES)),
    }

    def examples(split: str) -> list[tuple[int, dict[str, Any]]]:
        return [(row, {"image": pixels(split, row), "label": number(row)}) for row in range(COUNTS[split])]

    for kind in ("tfrecord", "array_record"):
        tensorflow_datasets.dataset_builders.store_as_tfds_dataset(
            name="birds",
            version="1.0.0",
            features=tensorflow_datasets.features.FeaturesDict(features),
            split_datasets={split: examples(split) for split in COUNTS},
            data_dir=HERE / kind,
            file_format=kind,
            disable_shuffling=True,
        )


if __name__ == "__main__":
    shutil.rmtree(HERE, ignore_errors=True)
    huggingface()
    tfds()
