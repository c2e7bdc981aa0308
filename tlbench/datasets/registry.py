"""Data sets by name. `synthetic` is drawn; any other name that is not listed here needs a `path` in the suite."""

import json

from tlbench.core.cell import Named
from tlbench.core.plugins import Registry
from tlbench.datasets.cats_dogs import CATS_DOGS
from tlbench.datasets.intel import INTEL
from tlbench.datasets.spec import DatasetInfo

DATASETS: Registry[DatasetInfo] = Registry(
    "data set", "tlbench.datasets", {info.name: info for info in (CATS_DOGS, INTEL)}, of=DatasetInfo
)
SYNTHETIC = "synthetic"
"""The name of the data set that is drawn by code."""
IMAGENET = "imagenet"
"""ImageNet's validation images, used to evaluate the original classifiers; nothing is trained on them."""


def names() -> tuple[str, ...]:
    """All data sets that need no path, including `synthetic` and `imagenet`."""
    return (*DATASETS, SYNTHETIC, IMAGENET)


def get(name: str) -> DatasetInfo:
    """The description of a data set of photographs. Raises KeyError for any other name."""
    return DATASETS[name]


def classes_of(dataset: Named) -> tuple[str, ...] | None:
    """The classes of a data set of a suite, if they are known without its images: those that it chooses, else all."""
    if "classes" in dataset.args:
        return tuple(json.loads(str(dataset.args["classes"])))
    name = str(dataset.args.get("like") or CATS_DOGS.name) if dataset.name == SYNTHETIC else dataset.name
    return DATASETS[name].classes if name in DATASETS else None
