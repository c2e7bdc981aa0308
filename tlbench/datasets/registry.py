"""Data sets by name. `synthetic` is drawn, any other name needs a `path` in the suite."""

from tlbench.core.plugins import Registry
from tlbench.datasets.cats_dogs import CATS_DOGS
from tlbench.datasets.intel import INTEL
from tlbench.datasets.spec import DatasetInfo

DATASETS: Registry[DatasetInfo] = Registry(
    "data set", "tlbench.datasets", {info.name: info for info in (CATS_DOGS, INTEL)}, of=DatasetInfo
)
SYNTHETIC = "synthetic"
IMAGENET = "imagenet"
"""ImageNet's validation images, for the original classifiers; nothing is trained on it."""


def names() -> tuple[str, ...]:
    """All data sets that need no path, `synthetic` and `imagenet` among them."""
    return (*DATASETS, SYNTHETIC, IMAGENET)


def get(name: str) -> DatasetInfo:
    """What is known of a data set of photographs. Raises KeyError for any other name."""
    return DATASETS[name]


def classes_of(name: str, like: str | None = None) -> tuple[str, ...] | None:
    """The classes, where they are known before the pictures are; `like` is the argument of `synthetic`."""
    if name == SYNTHETIC:
        name = like or CATS_DOGS.name
    return DATASETS[name].classes if name in DATASETS else None
