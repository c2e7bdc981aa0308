"""Kinds of places that images are read from: files, told by their names' endings, and folders, by what is in them."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from tlbench.core.errors import UserError
from tlbench.datasets import huggingface, metadata, tfds
from tlbench.datasets.arrays import read_arrays
from tlbench.datasets.layout import Layout, SplitRule, read_layout
from tlbench.datasets.names import shown
from tlbench.datasets.table import read_table


class Read(Protocol):
    """Reads a place. empty: as of `read_layout`. Raises UserError for what is no data set."""

    def __call__(self, place: Path, rule: SplitRule, /, *, empty: bool = False) -> Layout:
        """The layout."""


FILES: dict[str, Read] = {"csv": read_table, "npz": read_arrays, "parquet": huggingface.read_parquet}
"""How a file is read, by the ending of its name, which is also the key of a suite that names one."""

FOLDERS: tuple[tuple[Callable[[Path, SplitRule], bool], Read], ...] = (
    (lambda place, rule: tfds.is_prepared(place), tfds.read_prepared),
    (lambda place, rule: huggingface.is_saved(place), huggingface.read_saved),
    (metadata.has_labels, metadata.read_metadata),
    (lambda place, rule: huggingface.has_parquet(place), huggingface.read_parquet),
)
"""Folders that are not read as folders of classes: what tells one, and how it is read."""

WITHOUT_COLUMNS: tuple[Read, ...] = (read_layout, read_arrays)


def kind_of(place: Path) -> str:
    """``path`` of a folder, else ``csv``, ``npz`` or ``parquet``: the key of a suite that names it."""
    ending = place.suffix.lower().removeprefix(".")
    return ending if ending in FILES and not place.is_dir() else "path"


def read_images(place: Path, rule: SplitRule, *, empty: bool = False) -> Layout:
    """The layout of the images at `place`. empty: as of `read_layout`.

    Raises UserError for what is no data set.
    """
    if place.exists() and not (place.is_file() or place.is_dir()):
        raise UserError(f"{shown(str(place))} is neither a folder nor a regular file; name one with images")
    read = _reader(place, rule)
    if read in WITHOUT_COLUMNS and (rule.image or rule.label):
        key = "image" if rule.image else "label"
        raise UserError(f"{shown(str(place))}: `{key}` names a column of a table, and there is none here; leave it out")
    return read(place, rule, empty=empty)


def is_quick(place: Path, rule: SplitRule) -> bool:
    """Whether `read_images` only lists files there, and reads no large ones."""
    return _reader(place, rule) in (read_layout, read_table, metadata.read_metadata)


def _reader(place: Path, rule: SplitRule) -> Read:
    if (kind := kind_of(place)) != "path":
        return FILES[kind]
    if not place.is_dir():
        return read_layout
    return next((read for tells, read in FOLDERS if tells(place, rule)), read_layout)
