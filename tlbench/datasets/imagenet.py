"""ImageNet's validation images: 50,000 images for evaluation only, read one by one and not cached."""

import hashlib
from dataclasses import replace
from pathlib import Path

from tlbench.core.errors import UserError
from tlbench.datasets.registry import IMAGENET
from tlbench.datasets.source import DataSource, FileSplit

CLASSES = 1000
SUFFIXES = {".jpeg", ".jpg", ".png"}


def find_imagenet(folder: Path, limit: int | None, image_size: int) -> DataSource:
    """Find the first images of each class, in the order of their names.

    Args:
        folder: has one folder per class, named by WordNet id (n01440764, ...). The order of these names is the order of
            the classes in Keras' models.
        limit: images per class; None for all.
        image_size: side length in pixels at which images are read later.

    Raises:
        UserError: there are not exactly 1000 class folders, or no images.
    """
    if not folder.is_dir():
        raise UserError(f"the ImageNet folder {folder} does not exist; correct or unset TLBENCH_IMAGENET")
    classes = sorted(path.name for path in folder.iterdir() if path.is_dir())
    if len(classes) != CLASSES:
        raise UserError(
            f"{folder} has {len(classes)} folders, not the 1000 of ImageNet's classes (n01440764, ...); "
            "correct or unset TLBENCH_IMAGENET"
        )
    files, per_class, digest = [], dict.fromkeys(classes, 0), hashlib.sha256()
    for index, name in enumerate(classes):
        paths = sorted(path for path in (folder / name).iterdir() if path.suffix.lower() in SUFFIXES)[:limit]
        per_class[name] = len(paths)
        for path in paths:
            files.append((f"{name}/{path.name}", index))
            digest.update(f"{name}/{path.name} {path.stat().st_size}\n".encode("utf-8", "surrogateescape"))
    if not files:
        raise UserError(f"there are no images in the class folders of {folder}; correct or unset TLBENCH_IMAGENET")
    test = FileSplit(folder, tuple(files), image_size, per_class)
    return DataSource(IMAGENET, tuple(classes), "real", "", digest.hexdigest(), {"test": test})


def at_size(found: DataSource, image_size: int) -> DataSource:
    """A copy of what `find_imagenet` returned for another image size, without listing 50,000 files again."""
    test = found.splits["test"]
    assert isinstance(test, FileSplit)
    return replace(found, splits={"test": replace(test, size=image_size)})
