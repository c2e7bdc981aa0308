"""Cats and dogs: photographs of Microsoft Research's Asirra set."""

from tlbench.datasets.spec import Archive, DatasetInfo

CATS_DOGS = DatasetInfo(
    name="cats_dogs",
    title="Cats and dogs (Microsoft Asirra; Kaggle's Dogs vs. Cats)",
    classes=("cats", "dogs"),
    where="`tlbench data get cats_dogs` fetches Microsoft's public archive, 787 MB",
    archive=Archive(
        url=(
            "https://download.microsoft.com/download/3/E/1/3E1C3F21-ECDB-4869-8368-6DEBA77B919F/"
            "kagglecatsanddogs_5340.zip"
        ),
        sha256="b7974bd00a84a99921f36ee4403f089853777b5ae8d151c76a86e64900334af9",
        bytes=824_887_076,
        folders={"PetImages/Cat": "cats", "PetImages/Dog": "dogs"},
        counts=(1000, 250, 500),
    ),
)
