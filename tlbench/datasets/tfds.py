"""Image data sets prepared by tensorflow-datasets, read without it and without TensorFlow."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tlbench.core.errors import UserError, nearest
from tlbench.core.mapping import read_mapping
from tlbench.core.text import counted
from tlbench.datasets.decode import UndecodableError
from tlbench.datasets.layout import Layout, SplitRule
from tlbench.datasets.listing import peek
from tlbench.datasets.names import shown
from tlbench.datasets.rows import Parts, Reader, Rows, class_label, of_rows
from tlbench.datasets.tfrecord import BadRecordError, Records, open_records, value_of

FEATURES, ABOUT = "features.json", "dataset_info.json"
VERSION = re.compile(r"\d+\.\d+\.\d+")
FORMATS = ("tfrecord", "array_record")
TEMPLATE = "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"
"""Names of data files where `dataset_info.json` has no template (tensorflow_datasets/core/naming.py)."""
MOST, DIGITS = 10**7, re.compile(r"[0-9]{1,7}")
"""Upper limit of the integers that are read from metadata, and the pattern of such an integer as text."""
IMAGE, LABEL = "Image", "ClassLabel"
"""The classes of features that are read."""


def is_prepared(place: Path) -> bool:
    """Whether a folder is a prepared data set, or contains one as configuration or version."""
    return bool(_prepared(place))


def read_prepared(place: Path, rule: SplitRule, *, empty: bool = False) -> Layout:
    """Read the layout of a prepared data set, ``<data_dir>/<name>[/<configuration>]/<version>``.

    Args:
        place: the folder; configuration and version may be omitted if there is only one.
        rule: how splits, classes and features are chosen.
        empty: as in `read_folder`.

    Raises:
        UserError: the data set has not one label per image, or cannot be read.
    """
    folders = _prepared(place)
    if len(folders) > 1:
        every = ", ".join(shown(folder.relative_to(place).as_posix()) for folder in folders)
        raise UserError(f"{shown(str(place))} has {counted(len(folders), 'data set')}: {every}; give the path of one")
    folder = folders[0]
    about, features = _json(folder / ABOUT), _features(folder)
    image, label = _keys(place, about, features, rule)
    names = _names(folder, label, features[label])
    splits = {str(split.get("name")): split for split in _listed(about, "splits")}
    files = {name: _files(folder, about, split) for name, split in splits.items()}
    labels = {}
    for name, of in files.items():
        opened = open_records(of)
        _check_whole(folder, of, opened, splits[name])
        labels[name] = [_label(place, one, row, label, names) for one in opened for row in range(len(one))]
    readers = {name: partial(_Images, tuple(files[name]), image) for name in splits}
    rows = Rows(tuple(file for of in files.values() for file in of), readers)
    return of_rows(place, labels, names, rows, rule, empty=empty)


def _prepared(place: Path) -> list[Path]:
    """The folders of prepared versions at `place` or at most two levels below it."""
    if _is_version(place):
        return [place]
    inside = list(peek(place).folders.values())
    deeper = [path for folder in inside if not VERSION.fullmatch(folder.name) for path in peek(folder).folders.values()]
    return [path for path in (*inside, *deeper) if VERSION.fullmatch(path.name) and _is_version(path)]


def _is_version(folder: Path) -> bool:
    return (folder / FEATURES).is_file() and (folder / ABOUT).is_file()


@dataclass(frozen=True)
class _Feature:
    """A feature: its kind (the name of its class) and the rest of its description."""

    kind: str
    content: Mapping[str, Any]


def _features(folder: Path) -> dict[str, _Feature]:
    """The features by name. Raises UserError if they are not a dictionary."""
    outer = _json(folder / FEATURES)
    whole = outer.get("featuresDict")
    inner = whole.get("features") if isinstance(whole, Mapping) else outer.get("content")  # before 2021
    if not isinstance(inner, Mapping) or not inner:
        raise UserError(
            f"{shown(str(folder / FEATURES))} has no dictionary of features; use a data set of images and labels"
        )
    return {
        name: _Feature(str(content.get("pythonClassName") or content.get("type")).rpartition(".")[2], content)
        for name, content in inner.items()
        if isinstance(content, Mapping)
    }


def _keys(place: Path, about: Mapping[str, Any], features: Mapping[str, _Feature], rule: SplitRule) -> tuple[str, str]:
    """The names of the features that are the image and its label: as the suite says, or those of
    ``as_supervised=True``.
    """
    found = []
    pair = about.get("supervisedKeys", {})
    pair = _listed(pair.get("tuple", {}), "items") if isinstance(pair, Mapping) else []
    supervised = [str(item.get("featureKey")) for item in pair]
    for what, kind, asked in (("image", IMAGE, rule.image), ("label", LABEL, rule.label)):
        fitting = [name for name, feature in features.items() if feature.kind == kind]
        usual = [name for name in supervised if name in fitting]
        found.append(_chosen(shown(str(place)), what, asked, usual if len(usual) == 1 else fitting, features))
    image, label = found
    return image, label


def _chosen(where: str, what: str, asked: str, fitting: Sequence[str], features: Mapping[str, _Feature]) -> str:
    """The feature that the suite asks for, or else the only fitting one."""
    if asked and asked not in features:
        raise UserError(f"{where} has no feature {asked!r}; {nearest(asked, list(features), 'features')}")
    wanted = IMAGE if what == "image" else LABEL
    if asked and features[asked].kind != wanted:
        raise UserError(
            f"{where}: {asked} is a feature of class {shown(features[asked].kind)}; `{what}` must name a {wanted}"
        )
    if asked or len(fitting) == 1:
        return asked or fitting[0]
    if not fitting:
        there = ", ".join(shown(f"{name} ({feature.kind})") for name, feature in features.items())
        raise UserError(
            f"{where} has no feature {wanted} at the top level: {there}; tlbench trains classifiers with one label per "
            "image"
        )
    raise UserError(
        f"{where} has several features for {what}: {', '.join(map(shown, fitting))}; choose one with "
        f"`{what}: {shown(fitting[0])}` in the suite (--{what} for `data check`)"
    )


def _names(folder: Path, label: str, feature: _Feature) -> tuple[str, ...]:
    """The names of the classes; their indices if there is no file of names."""
    file = folder / f"{label}.labels.txt"
    if file.is_file():
        try:
            lines = file.read_text(encoding="utf-8").split("\n")  # a name may have other separators of lines
        except ValueError as error:
            raise UserError(f"{shown(str(file))} is not UTF-8 text; prepare the data set again") from error
        return tuple(line.strip() for line in lines if line.strip())
    written = feature.content.get("classLabel", {})
    count = _whole(folder / FEATURES, written.get("numClasses") or 0) if isinstance(written, Mapping) else 0
    return tuple(map(str, range(count)))


def _files(folder: Path, about: Mapping[str, Any], split: Mapping[str, Any]) -> list[Path]:
    """The data files of a split in their order. Raises UserError if one is missing or has an unsupported format."""
    kind = str(about.get("fileFormat") or FORMATS[0])
    if kind not in FORMATS:
        raise UserError(f"{shown(str(folder))} is in the format {shown(kind)}; supported are {' and '.join(FORMATS)}")
    template, shards = str(split.get("filepathTemplate") or TEMPLATE), len(_lengths(folder, split))
    found = []
    for shard in range(shards):
        name = template
        for key, value in {
            "DATASET": about.get("name"),
            "SPLIT": split.get("name"),
            "FILEFORMAT": kind,
            "SHARD_X_OF_Y": f"{shard:05d}-of-{shards:05d}",
            "SHARD_INDEX": f"{shard:05d}",
            "NUM_SHARDS": f"{shards:05d}",
        }.items():
            name = name.replace(f"{{{key}}}", str(value))
        file = folder / name
        try:
            inside, there = file.resolve().is_relative_to(folder.resolve()), file.is_file()
        except (OSError, ValueError):  # not a valid file name
            inside, there = True, False
        if not inside:
            raise UserError(f"{shown(str(folder / ABOUT))} names {name!r}, which is not in its folder")
        if not there:
            raise UserError(f"{shown(str(file))} is missing; prepare the data set again")
        found.append(file)
    return found


def _lengths(folder: Path, split: Mapping[str, Any]) -> list[int]:
    """The number of records in each file of a split; empty for an empty split, whose metadata has no such list."""
    written = split.get("shardLengths", [])
    if not isinstance(written, list):
        raise UserError(f"{shown(str(folder / ABOUT))} has no list of shardLengths; prepare the data set again")
    return [_whole(folder / ABOUT, count) for count in written]


def _check_whole(folder: Path, files: Sequence[Path], opened: Sequence[Records], split: Mapping[str, Any]) -> None:
    """Raise UserError if a file does not have the number of records that the metadata states."""
    for file, records, count in zip(files, opened, _lengths(folder, split), strict=True):
        if len(records) != count:
            raise UserError(
                f"{shown(str(file))} has {counted(len(records), 'record')} where {ABOUT} has {count}; prepare the data "
                "set again"
            )


def _label(place: Path, records: Records, row: int, key: str, names: Sequence[str]) -> str | None:
    """The class of a record; None if it has none."""
    try:
        values = value_of(records[row], key)
    except BadRecordError as error:
        raise UserError(f"{shown(str(place))}: {error}; prepare the data set again") from error
    if not values:
        return None
    (number,) = values if len(values) == 1 else (None,)
    if not isinstance(number, int):
        raise UserError(f"{shown(str(place))}: {key} of an image is not a class index; prepare the data set again")
    return class_label(place, number, names)


class _Images(Reader):
    """The images of a split."""

    def __init__(self, files: Sequence[Path], key: str) -> None:
        self._opened, self._key = open_records(files), key
        self._parts = Parts(map(len, self._opened))

    def __call__(self, row: int) -> bytes:
        shard, record = self._parts.place(row)
        try:
            values = value_of(self._opened[shard][record], self._key)
        except BadRecordError as error:
            raise UndecodableError(str(error)) from error
        if len(values) != 1 or not isinstance(values[0], bytes):
            raise UndecodableError("no image")
        return values[0]


def _listed(content: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    found = content.get(key)
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def _whole(file: Path, value: Any) -> int:
    """An integer in the metadata. The JSON form of Protocol Buffers writes 64-bit integers as strings."""
    if (isinstance(value, int) and 0 <= value < MOST) or (isinstance(value, str) and DIGITS.fullmatch(value)):
        return int(value)
    raise UserError(f"{shown(str(file))} has {value!r:.40} instead of a number; prepare the data set again")


def _json(file: Path) -> Mapping[str, Any]:
    return read_mapping(file, shown(str(file)), "prepare the data set again")
