"""Image data sets of Hugging Face `datasets`: folders written by ``save_to_disk``, and Parquet files as on the Hub."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tlbench.core.errors import UserError, nearest
from tlbench.core.json_text import parse_json
from tlbench.core.mapping import read_mapping
from tlbench.datasets.arrow import ArrowFiles, ParquetFiles, check_package
from tlbench.datasets.layout import Layout, SplitRule
from tlbench.datasets.listing import peek
from tlbench.datasets.names import alike, shown
from tlbench.datasets.parquet_names import ENDING, files_by_split
from tlbench.datasets.rows import Rows, class_label, of_rows
from tlbench.results.images import SkippedFile

SPLITS_FILE, STATE_FILE = "dataset_dict.json", "state.json"
OF_IMAGES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
"""File endings by which a folder of images is recognized."""
WIDEST = 16
"""Largest number of subfolders that are looked into at each level."""
USUAL = ("label", "labels")
"""Names of columns that are taken for labels if no column is declared as labels."""
IMAGE, VALUE = "Image", "Value"
"""Names of feature types in `datasets`. A column of bytes is a `Value`, and may hold images too
(``Dataset.from_dict``).
"""
NO_LABEL, POSITIVE = "-1", "1"
"""The label that means "no label" in `datasets`, and the label with which it forms a binary problem and is a real
class.
"""

Split = ArrowFiles | ParquetFiles


def is_saved(place: Path) -> bool:
    """Whether ``save_to_disk`` wrote this folder."""
    return any((place / name).is_file() for name in (SPLITS_FILE, STATE_FILE))


def has_parquet(place: Path) -> bool:
    """Whether a folder has Parquet files, at most two levels deep, and is not a folder of images.

    Images in two or more folders take precedence over a Parquet file beside them. Only part of a large folder is
    listed.
    """
    below, parquet, with_images = [place], False, 0
    for _ in range(3):
        listed = [peek(folder) for folder in below]
        endings = [{Path(name).suffix.lower() for name in one.files} for one in listed]
        parquet = parquet or any(ENDING in one for one in endings)
        with_images += sum(not one.isdisjoint(OF_IMAGES) for one in endings)
        below = [path for one in listed for path in one.folders.values()][:WIDEST]
    return parquet and with_images < 2


def read_saved(place: Path, rule: SplitRule, *, empty: bool = False) -> Layout:
    """Read the layout of a folder that ``save_to_disk`` wrote for a Dataset or a DatasetDict.

    Args:
        place: the folder.
        rule: how splits, classes and columns are chosen.
        empty: as in `read_folder`.

    Raises:
        UserError: the folder is damaged, or has no usable images and labels.
    """
    check_package(place)
    if not (place / SPLITS_FILE).is_file():
        return _laid_out(place, {"train": _arrow(place)}, rule, empty)
    names = _json(place / SPLITS_FILE).get("splits")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UserError(f"{shown(str(place / SPLITS_FILE))} lists no splits; save the data set again")
    return _laid_out(place, {name: _arrow(place / _plain(place, name)) for name in names}, rule, empty)


def read_parquet(place: Path, rule: SplitRule, *, empty: bool = False) -> Layout:
    """Read the layout of a Parquet file, or of a folder of them as on the Hub.

    Splits are recognized from names: ``data/train-00000-of-00002.parquet`` or ``default/train/0000.parquet``.

    Args:
        place: the file or folder.
        rule: how splits, classes and columns are chosen.
        empty: as in `read_folder`.

    Raises:
        UserError: there is no Parquet file, more than one configuration, or no usable images and labels.
    """
    check_package(place)
    if place.is_file():
        return _laid_out(place, {"train": ParquetFiles((place,))}, rule, empty)
    if not place.exists():
        raise UserError(f"{shown(str(place))} does not exist; give a Parquet file or a folder of them")
    named = files_by_split(place)
    return _laid_out(place, {name: ParquetFiles(of) for name, of in named.splits.items()}, rule, empty, named.missing)


def _arrow(folder: Path) -> ArrowFiles:
    """The Arrow files that the state file of a split names."""
    named = _state(folder).get("_data_files")
    files = [isinstance(one, Mapping) and one.get("filename") for one in named] if isinstance(named, list) else []
    if not files or not all(isinstance(name, str) for name in files):
        raise UserError(f"{shown(str(folder / STATE_FILE))} lists no files; save the data set again")
    return ArrowFiles(tuple(folder / _plain(folder, str(name)) for name in files))


def _state(folder: Path) -> Mapping[str, Any]:
    return _json(folder / STATE_FILE)


def _plain(folder: Path, name: str) -> str:
    """`name`, checked to be the plain name of an entry of `folder`, so that it cannot lead out of it."""
    if Path(name).name != name or name in (".", ".."):
        raise UserError(
            f"{shown(str(folder))} lists {name!r}, which is not the name of a file in it; save the data set again"
        )
    return name


def _laid_out(
    place: Path, splits: Mapping[str, Split], rule: SplitRule, empty: bool, left_out: Sequence[SkippedFile] = ()
) -> Layout:
    every = {name: _columns(place, split.schema(), rule) for name, split in splits.items()}
    columns = next(iter(every.values()))
    if others := [name for name, of in every.items() if of != columns]:
        raise UserError(
            f"{shown(str(place))}: {_listed(others)} and {shown(next(iter(every)))} have different columns or classes; "
            "save all splits with the same ones"
        )
    labels = {name: _labels(place, split, columns) for name, split in splits.items()}
    order = columns.names
    if order is None:
        labels = _without_unlabelled(labels, rule)
        order = tuple(_sorted({label for rows in labels.values() for label in rows if label is not None}))
    files = tuple(file for split in splits.values() for file in split.files)
    rows = Rows(files, {name: partial(split.reader, columns.image) for name, split in splits.items()})
    return of_rows(place, labels, order, rows, rule, left_out, empty=empty)


@dataclass(frozen=True)
class _Columns:
    """The chosen columns.

    Attributes:
        image: the column of the images.
        label: the column of the labels.
        names: the classes by number; None if the labels themselves name the classes.
    """

    image: str
    label: str
    names: tuple[str, ...] | None


def _columns(place: Path, schema: Any, rule: SplitRule) -> _Columns:
    """Choose the columns of images and labels.

    Raises:
        UserError: the choice is ambiguous, or there is not exactly one label per row.
    """
    from pyarrow import types

    features, where = _features(schema), shown(str(place))
    if twice := [name for name, count in Counter(schema.names).items() if count > 1]:
        raise UserError(f"{where} has several columns called {_listed(twice)}; rename all but one")
    declared = [name for name, feature in features.items() if name in schema.names and feature.get("_type") == IMAGE]
    images = [field.name for field in schema if field.name in declared or _has_bytes(field, features)]
    classes = [field.name for field in schema if features.get(field.name, {}).get("_type") == "ClassLabel"]
    image = _chosen(where, "image", rule.image, images if rule.image else declared or images, schema.names)
    usual = [name for name in schema.names if alike(name) in USUAL and name != image]
    label = _chosen(where, "label", rule.label, classes or usual, schema.names)
    feature, kind = features.get(label, {}), schema.field(label).type
    names = feature.get("names")
    if feature.get("_type") == "ClassLabel" and isinstance(names, list) and types.is_integer(kind):
        return _Columns(image, label, tuple(map(str, names)))
    if types.is_nested(kind):
        raise UserError(
            f"{where}: {label} has several labels per image ({kind}); tlbench trains classifiers with one label "
            "per image"
        )
    single = (types.is_integer, types.is_boolean, types.is_string, types.is_large_string, types.is_dictionary)
    if not any(fits(kind) for fits in (*single, types.is_null)):
        raise UserError(f"{where}: {label} is {kind}; labels are integers or names")
    return _Columns(image, label, None)


def _chosen(where: str, what: str, asked: str, fitting: Sequence[str], known: Sequence[str]) -> str:
    """The column that the suite asks for, or else the only fitting one."""
    if asked:
        if asked not in known:
            raise UserError(f"{where} has no column {asked!r}; {nearest(asked, list(known), 'columns')}")
        if what == "image" and asked not in fitting:
            raise UserError(f"{where}: column {asked!r} has no images (bytes of files, or {{bytes, path}})")
        return asked
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        kind = "images (bytes of files, or {bytes, path})" if what == "image" else "classes"
        raise UserError(
            f"{where} has no column of {kind}; it has {_listed(known)}"
            + ("" if what == "image" else "; choose one with `label` in the suite (--label for `data check`)")
        )
    raise UserError(
        f"{where} has several columns for {what}: {_listed(fitting)}; choose one with `{what}: {shown(fitting[0])}` "
        f"in the suite (--{what} for `data check`)"
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(shown, names))


def _features(schema: Any) -> Mapping[str, Mapping[str, Any]]:
    """The features that `datasets` stored in the schema, by column; empty in files that other software wrote."""
    text = (schema.metadata or {}).get(b"huggingface", b"{}")
    try:
        features = parse_json(text)["info"]["features"]
    except (ValueError, KeyError, TypeError):
        return {}
    if not isinstance(features, dict):
        return {}
    return {name: feature for name, feature in features.items() if isinstance(feature, dict)}


def _has_bytes(field: Any, features: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether a column that is not declared as images may hold some."""
    from pyarrow import types

    if features.get(field.name, {}).get("_type", VALUE) != VALUE:
        return False
    if types.is_struct(field.type):
        return any(inner.name == "bytes" for inner in field.type)
    return bool(types.is_binary(field.type) or types.is_large_binary(field.type))


def _labels(place: Path, split: Split, columns: _Columns) -> list[str | None]:
    values = split.column(columns.label)
    if columns.names is None:
        return [None if value is None or value == "" else str(value) for value in values]
    return [class_label(place, value, columns.names) for value in values]


def _without_unlabelled(labels: Mapping[str, list[str | None]], rule: SplitRule) -> dict[str, list[str | None]]:
    """Replace the label -1 by None, because it means "no label" in `datasets`.

    It is kept if -1 and 1 are the only labels, or if the suite lists it as a class.
    """
    there = {label for rows in labels.values() for label in rows if label is not None}
    if there == {NO_LABEL, POSITIVE} or NO_LABEL in rule.classes:
        return dict(labels)
    return {name: [None if label == NO_LABEL else label for label in rows] for name, rows in labels.items()}


def _sorted(labels: set[str]) -> list[str]:
    """Sort labels by value if all of them are integers, else alphabetically."""
    numbers = all(label.removeprefix("-").isdecimal() for label in labels)
    return sorted(labels, key=lambda label: (int(label) if numbers else 0, label))


def _json(file: Path) -> Mapping[str, Any]:
    return read_mapping(file, shown(str(file)), "save the data set again")
