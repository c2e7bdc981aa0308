"""A data set by its name, wherever the folder given with --data has it."""

from tlbench.datasets.spec import DatasetInfo

FLOWERS = DatasetInfo(
    name="flowers",
    title="Flower photographs of TensorFlow's tutorials",
    classes=("daisy", "dandelion", "roses", "sunflowers", "tulips"),
    where="unpack flower_photos.tgz, and give the folder above it, renamed to flowers, with --data",
)
