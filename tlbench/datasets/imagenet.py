"""ImageNet's validation images, read one by one: 50,000 of them are evaluated, never trained on, never kept."""

import hashlib
from dataclasses import replace
from pathlib import Path

from tlbench.core.errors import UserError
from tlbench.datasets.registry import IMAGENET
from tlbench.datasets.source import DataSource, FileSplit

CLASSES = 1000
SUFFIXES = {".jpeg", ".jpg", ".png"}


def find_imagenet(folder: Path, limit: int | None, image_size: int) -> DataSource:
    """The first `limit` images of each class in name order (all where None), to be read at `image_size` pixels.

    The folders' names are WordNet ids (n01440764, ...), whose order is that of the classes of Keras' models.
    Raises UserError where there are not 1000 folders or no images.
    """
    if not folder.is_dir():
        raise UserError(f"the ImageNet folder {folder} does not exist; mend or unset TLBENCH_IMAGENET")
    classes = sorted(path.name for path in folder.iterdir() if path.is_dir())
    if len(classes) != CLASSES:
        raise UserError(
            f"{folder} has {len(classes)} folders, not the 1000 of ImageNet's classes (n01440764, ...); "
            "mend or unset TLBENCH_IMAGENET"
        )
    files, per_class, digest = [], dict.fromkeys(classes, 0), hashlib.sha256()
    for index, name in enumerate(classes):
        there = sorted(path for path in (folder / name).iterdir() if path.suffix.lower() in SUFFIXES)[:limit]
        per_class[name] = len(there)
        for path in there:
            files.append((f"{name}/{path.name}", index))
            digest.update(f"{name}/{path.name} {path.stat().st_size}\n".encode("utf-8", "surrogateescape"))
    if not files:
        raise UserError(f"there are no images in the class folders of {folder}; mend or unset TLBENCH_IMAGENET")
    test = FileSplit(folder, tuple(files), image_size, per_class)
    return DataSource(IMAGENET, tuple(classes), "real", False, digest.hexdigest(), {"test": test})


def at_size(found: DataSource, image_size: int) -> DataSource:
    """The images that `find_imagenet` has `found`, to be read at another size, without another look at 50,000 files."""
    test = found.splits["test"]
    assert isinstance(test, FileSplit)
    return replace(found, splits={"test": replace(test, size=image_size)})
