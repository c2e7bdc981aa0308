"""Images and labels as NumPy arrays in an npz file, the format of MedMNIST.

Source of the format: J. Yang et al., MedMNIST v2, Scientific Data 10 (2023), 41.
"""

import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from tlbench.cache.folders import size as readable_size
from tlbench.core.errors import UserError
from tlbench.core.image_size import ImageSize, Resize
from tlbench.datasets.decode import MOST_PIXELS, Picture, UndecodableError, of_pixels
from tlbench.datasets.layout import Layout, SplitRule
from tlbench.datasets.names import shown
from tlbench.datasets.splits import grouped, of_images
from tlbench.host.resources import memory_limit

SPLIT_NAMES = {"train": "train", "validation": "val", "test": "test"}
WANTED = "train_images, train_labels, val_images, val_labels, test_images and test_labels"
UNREADABLE = (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error, RuntimeError)
HEADERS: dict[tuple[int, int], Callable[[IO[bytes]], tuple[tuple[int, ...], bool, np.dtype[Any]]]] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def read_arrays(file: Path, rule: SplitRule, *, empty: bool = False) -> Layout:
    """Read the layout of an npz file.

    Images are uint8 arrays of shape (count, height, width), grey, or with a last axis of 1 or 3. Labels are integers of
    shape (count,) or (count, 1). Images are named ``train_images/0000017`` and classes after their integer label.
    Validation and test are drawn from train if the file lacks them, as for folders. Only labels are read here, and
    nothing is unpickled.

    Args:
        file: the npz file.
        rule: how missing splits are drawn, and which classes are used.
        empty: as in `read_folder`.

    Raises:
        UserError: the file cannot be read, or has other arrays than these.
    """
    if rule.folders is not None:
        raise UserError(f"{shown(str(file))}: `splits` names folders, and an npz file has none; remove `splits`")
    headers = _headers(file)
    splits = {split: name for split, name in SPLIT_NAMES.items() if f"{name}_images" in headers}
    if "train" not in splits:
        raise UserError(f"{shown(str(file))} has no train_images, only {_listed(headers)}; expected are {WANTED}")
    numbers = {split: _labels(file, name, headers) for split, name in splits.items()}
    order = sorted({number for labels in numbers.values() for number in labels.tolist()})
    listed = grouped(image for split, labels in numbers.items() for image in _images(splits[split], labels))
    return of_images(file, file.parent, listed, list(map(str, order)), rule, [], container=ArrayFile(file), empty=empty)


@dataclass(frozen=True)
class ArrayFile:
    """The images of an npz file, as a `Container`."""

    file: Path

    @property
    def files(self) -> tuple[Path, ...]:
        """The npz file itself."""
        return (self.file,)

    def decoder(self, size: ImageSize, resize: Resize) -> Callable[[str], Picture]:
        """A function that returns the picture of a name.

        It keeps one array in memory, that of the last name, because images are asked for split by split.
        """
        array, name, lock = np.empty(0, np.uint8), "", threading.Lock()

        def decode(path: str) -> Picture:
            nonlocal array, name
            wanted, _, index = path.partition("/")
            with lock:  # so that only one thread reads the array
                if wanted != name:
                    array, name = np.empty(0, np.uint8), ""
                    array, name = _array(self.file, wanted), wanted
                pixels = array[int(index)]
            if not pixels.size or pixels.size > 3 * MOST_PIXELS:
                raise UndecodableError(f"{' x '.join(map(str, pixels.shape))} pixels")
            return of_pixels(pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels, size, resize)

        return decode


def _headers(file: Path) -> dict[str, tuple[tuple[int, ...], np.dtype[Any]]]:
    """Shape and type of each array, by name, without reading the arrays."""
    found = {}
    try:
        with zipfile.ZipFile(file) as archive:
            for member in archive.namelist():
                if member.endswith(".npy"):
                    with archive.open(member) as stream:
                        shape, _, dtype = HEADERS[np.lib.format.read_magic(stream)](stream)
                    found[member.removesuffix(".npy")] = shape, dtype
    except UNREADABLE as error:
        raise _unreadable(file, "it", error) from error
    return found


def _labels(
    file: Path, name: str, headers: dict[str, tuple[tuple[int, ...], np.dtype[Any]]]
) -> NDArray[np.integer[Any]]:
    """The labels of a split, of shape (count,).

    Raises:
        UserError: labels or images are missing, or have another type or shape.
    """
    where, images, labels = shown(str(file)), f"{name}_images", f"{name}_labels"
    if labels not in headers:
        raise UserError(f"{where} has {images} but no {labels}; expected are {WANTED}")
    shape, dtype = headers[images]
    if dtype != np.uint8 or not (len(shape) == 3 or (len(shape) == 4 and shape[3] in (1, 3))):
        raise UserError(
            f"{where}: {images} is {dtype} of shape {_shape(shape)}; images are uint8 of shape (count, height, width), "
            "grey, or (count, height, width, 3), RGB"
        )
    counted, kind = headers[labels]
    if len(counted) == 2 and counted[1] > 1:
        raise UserError(
            f"{where}: {labels} has {counted[1]} labels for each image (shape {_shape(counted)}); tlbench trains "
            "classifiers with one label per image"
        )
    if kind.kind not in "iu" or counted not in ((shape[0],), (shape[0], 1)):
        raise UserError(
            f"{where}: {labels} is {kind} of shape {_shape(counted)}; labels are integers, one for each of the "
            f"{shape[0]} images"
        )
    return _array(file, labels).reshape(-1)


def _array(file: Path, name: str) -> NDArray[Any]:
    """Read a whole array.

    Raises:
        UserError: it is damaged, or larger than the memory.
    """
    try:
        with np.load(file, allow_pickle=False) as arrays:
            shape, dtype = _headers(file)[name]
            bytes_ = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
            if bytes_ > memory_limit():
                raise UserError(
                    f"{shown(str(file))}: {name} needs {readable_size(bytes_)}, and this machine has "
                    f"{readable_size(memory_limit())} of memory; use fewer or smaller images"
                )
            array: NDArray[Any] = arrays[name]
            return array
    except UNREADABLE as error:
        raise _unreadable(file, name, error) from error


def _images(name: str, labels: NDArray[np.integer[Any]]) -> Iterator[tuple[str, str, str]]:
    """The split, the label and the name of each image of a split."""
    for index, number in enumerate(labels.tolist()):
        yield f"{name}_images", str(number), f"{name}_images/{index:07d}"


def _unreadable(file: Path, what: str, error: BaseException) -> UserError:
    why = error.strerror if isinstance(error, OSError) and error.strerror else f"{type(error).__name__}: {error}"
    return UserError(f"{shown(str(file))}: {what} cannot be read as NumPy arrays ({why}); download or save it again")


def _listed(names: dict[str, Any]) -> str:
    return ", ".join(sorted(names)) or "no array"


def _shape(shape: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, shape))}{',' * (len(shape) == 1)})"
