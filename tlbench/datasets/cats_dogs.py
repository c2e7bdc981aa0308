"""Cats and dogs: photographs of Microsoft Research's Asirra set."""

from tlbench.datasets.spec import Archive, DatasetInfo, Source

CATS_DOGS = DatasetInfo(
    name="cats_dogs",
    title="Cats and dogs (Microsoft Asirra; Kaggle's Dogs vs. Cats)",
    classes=("cats", "dogs"),
    where=(
        "`tlbench data get cats_dogs` fetches Microsoft's public archive, 787 MB; with `--small` 3,000 of them, 69 MB"
    ),
    archive=Archive(
        url=(
            "https://download.microsoft.com/download/3/E/1/3E1C3F21-ECDB-4869-8368-6DEBA77B919F/"
            "kagglecatsanddogs_5340.zip"
        ),
        sha256="b7974bd00a84a99921f36ee4403f089853777b5ae8d151c76a86e64900334af9",
        bytes=824_887_076,
        sources=(
            Source("PetImages/Cat", "cats", (1000, 250, 500)),
            Source("PetImages/Dog", "dogs", (1000, 250, 500)),
        ),
    ),
    small=Archive(  # from TensorFlow's tutorials; it has no test split, so half of its validation split is used as one
        url="https://storage.googleapis.com/mledu-datasets/cats_and_dogs_filtered.zip",
        sha256=None,
        bytes=68_606_236,
        sources=tuple(
            Source(f"cats_and_dogs_filtered/{folder}/{label}", label, counts)
            for folder, counts in (("train", (1000, 0, 0)), ("validation", (0, 250, 250)))
            for label in ("cats", "dogs")
        ),
    ),
)
