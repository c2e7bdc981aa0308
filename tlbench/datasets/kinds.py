"""Kinds of data sets on disk: a file is recognized by its ending, a folder by its contents."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from tlbench.core.errors import UserError
from tlbench.datasets import huggingface, metadata, tfds
from tlbench.datasets.arrays import read_arrays
from tlbench.datasets.image_folder import read_folder
from tlbench.datasets.layout import Layout, SplitRule
from tlbench.datasets.names import shown
from tlbench.datasets.table import read_table


class Read(Protocol):
    """A function that reads the layout of a data set."""

    def __call__(self, place: Path, rule: SplitRule, /, *, empty: bool = False) -> Layout:
        """The layout of the data set at `place`.

        Args:
            place: a file or folder.
            rule: how splits, classes and columns are chosen.
            empty: as in `read_folder`.

        Raises:
            UserError: it is not a data set.
        """


FILES: dict[str, Read] = {"csv": read_table, "npz": read_arrays, "parquet": huggingface.read_parquet}
"""How a file is read, by its ending. The ending is also the key with which a suite gives such a file."""

FOLDERS: tuple[tuple[Callable[[Path, SplitRule], bool], Read], ...] = (
    (lambda place, rule: tfds.is_prepared(place), tfds.read_prepared),
    (lambda place, rule: huggingface.is_saved(place), huggingface.read_saved),
    (metadata.has_labels, metadata.read_metadata),
    (lambda place, rule: huggingface.has_parquet(place), huggingface.read_parquet),
)
"""Folders that are not read as folders of classes: a test for each kind, and how it is read. The first match is used.
"""

WITHOUT_COLUMNS: tuple[Read, ...] = (read_folder, read_arrays)
"""Kinds for which the keys `image` and `label` of a suite make no sense."""


def kind_of(place: Path) -> str:
    """The key with which a suite gives a data set: ``csv``, ``npz`` or ``parquet`` for such a file, else ``path``."""
    ending = place.suffix.lower().removeprefix(".")
    return ending if ending in FILES and not place.is_dir() else "path"


def read_images(place: Path, rule: SplitRule, *, empty: bool = False) -> Layout:
    """Read the layout of the images at `place`, of whatever kind.

    Args:
        place: a file or folder.
        rule: how splits, classes and columns are chosen.
        empty: as in `read_folder`.

    Raises:
        UserError: it is not a data set.
    """
    if place.exists() and not (place.is_file() or place.is_dir()):
        raise UserError(f"{shown(str(place))} is neither a folder nor a regular file; give one with images")
    read = _reader(place, rule)
    if read in WITHOUT_COLUMNS and (rule.image or rule.label):
        key = "image" if rule.image else "label"
        raise UserError(
            f"{shown(str(place))}: `{key}` names a column of a table, and there is no table here; remove `{key}`"
        )
    return read(place, rule, empty=empty)


def is_quick(place: Path, rule: SplitRule) -> bool:
    """Whether `read_images` only lists files at `place`, and reads no large ones."""
    return _reader(place, rule) in (read_folder, read_table, metadata.read_metadata)


def _reader(place: Path, rule: SplitRule) -> Read:
    if (kind := kind_of(place)) != "path":
        return FILES[kind]
    if not place.is_dir():
        return read_folder
    return next((read for tells, read in FOLDERS if tells(place, rule)), read_folder)
