"""Kinds of places that images are read from: a folder, a CSV of paths and labels, arrays in an npz file."""

from pathlib import Path

from tlbench.datasets.arrays import read_arrays
from tlbench.datasets.layout import Layout, SplitRule, read_layout
from tlbench.datasets.table import read_table

FILES = {"csv": read_table, "npz": read_arrays}
"""How a file is read, by the ending of its name, which is also the key of a suite that names one."""


def kind_of(place: Path) -> str:
    """``path`` of a folder, else ``csv`` or ``npz``: the key of a suite that names it."""
    ending = place.suffix.lower().removeprefix(".")
    return ending if ending in FILES and not place.is_dir() else "path"


def read_images(place: Path, rule: SplitRule, *, empty: bool = False) -> Layout:
    """The layout of the images at `place`. empty: as of `read_layout`.

    Raises UserError for what is no data set.
    """
    return FILES.get(kind_of(place), read_layout)(place, rule, empty=empty)
