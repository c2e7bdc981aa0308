"""ImageNet's validation images, read one by one: 50,000 of them are evaluated, never trained on, never kept."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tlbench.core.errors import UserError
from tlbench.datasets.decode import UndecodableError, open_rgb
from tlbench.results.record import DataProvenance

CLASSES = 1000
SUFFIXES = {".jpeg", ".jpg", ".png"}


@dataclass(frozen=True)
class ImageNet:
    """A validation folder with a folder for each of the 1000 classes; `files` are (relative path, class index)."""

    folder: Path
    classes: tuple[str, ...]
    files: tuple[tuple[str, int], ...]
    fingerprint: str

    def provenance(self) -> DataProvenance:
        """What a record says of its data."""
        counts = dict.fromkeys(self.classes, 0)
        for _, index in self.files:
            counts[self.classes[index]] += 1
        return DataProvenance(
            source="real", fallback=False, fingerprint=self.fingerprint, classes=self.classes, counts={"test": counts}
        )


def find_imagenet(folder: Path, limit: int | None) -> ImageNet:
    """The first `limit` images of each class in name order; all where None.

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
    files, digest = [], hashlib.sha256()
    for index, name in enumerate(classes):
        found = sorted(path for path in (folder / name).iterdir() if path.suffix.lower() in SUFFIXES)
        for path in found[:limit]:
            files.append((f"{name}/{path.name}", index))
            digest.update(f"{name}/{path.name} {path.stat().st_size}\n".encode("utf-8", "surrogateescape"))
    if not files:
        raise UserError(f"there are no images in the class folders of {folder}; mend or unset TLBENCH_IMAGENET")
    return ImageNet(folder, tuple(classes), tuple(files), digest.hexdigest())


def read_crop(file: Path, size: int, share: float) -> NDArray[np.uint8]:
    """The central square of `share` of the shorter side, resized with a bicubic filter: (size, size, 3) uint8 RGB.

    Raises UserError for a file that is no image.
    """
    try:
        _, image = open_rgb(file)
    except UndecodableError as error:
        raise UserError(f"{file} is no image that can be decoded: {error}; fetch it again") from error
    side = share * min(image.size)
    left, top = (image.width - side) / 2, (image.height - side) / 2
    box = (left, top, left + side, top + side)
    return np.asarray(image.resize((size, size), Image.Resampling.BICUBIC, box=box))
