"""A folder of images with a table of their labels beside them, ``metadata.csv`` or ``metadata.jsonl``.

This is the format of Hugging Face's `imagefolder`.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tlbench.core.errors import UserError, nearest
from tlbench.core.json_text import parse_json
from tlbench.datasets.layout import Layout, SplitRule
from tlbench.datasets.listing import peek
from tlbench.datasets.names import shown, split_of
from tlbench.datasets.splits import split_names
from tlbench.datasets.table import LABEL, Columns, Row, cells_of, laid_out_rows, rows_of, wrong

NAMES = ("metadata.csv", "metadata.jsonl")
FILE_NAME = "file_name"
"""The column of the images' paths, relative to the table's folder, as `imagefolder` calls it."""
LONGEST = 64 * 1024
"""Number of characters of a table's first line that are read to recognize its columns."""


def has_labels(place: Path, rule: SplitRule) -> bool:
    """Whether tables beside the images give their labels. Tables about other things (captions, boxes) do not count."""
    columns = _columns(rule)
    found = _tables(place, rule)
    return bool(found) and all({columns.path, columns.label} <= _first(file) for file in found)


def read_metadata(place: Path, rule: SplitRule, *, empty: bool = False) -> Layout:
    """Read the layout of the images that the tables list: one table for all, or one in the folder of each split.

    If a single table has no column `split`, the folders in its paths may be splits, recognized by name as in
    `read_folder`.

    Args:
        place: the folder.
        rule: how splits, classes and columns are chosen.
        empty: as in `read_folder`.

    Raises:
        UserError: a table cannot be understood; the message gives the line.
    """
    columns, found = _columns(rule), _tables(place, rule)
    rows: list[Row] = []
    for file in found:
        lines = cells_of(file, columns) if file.suffix == ".csv" else _objects(file, columns)
        rows += rows_of(file, lines, columns, place, rule.classes)
    rows, rule = _in_splits(place, rows, rule)
    return laid_out_rows(found[0] if len(found) == 1 else place, place, rows, rule, empty=empty)


def _columns(rule: SplitRule) -> Columns:
    return Columns(rule.image or FILE_NAME, rule.label or LABEL)


def _tables(place: Path, rule: SplitRule) -> list[Path]:
    """The table in the folder itself, or else those in the folders that are splits by name or by the suite."""
    if own := [place / name for name in NAMES if (place / name).is_file()]:
        return own[:1]
    named = _named(rule)
    folders = [path for name, path in peek(place).folders.items() if split_of(name) or name in named]
    return [file for folder in folders if (file := _in(folder)) is not None]


def _in(folder: Path) -> Path | None:
    """The table in a folder, if there is one."""
    return next((folder / name for name in NAMES if (folder / name).is_file()), None)


def _first(file: Path) -> set[str]:
    """The columns according to the first line; empty if it cannot be read."""
    try:
        with file.open(encoding="utf-8-sig") as stream:
            line = stream.readline(LONGEST)
        return set(parse_json(line)) if file.suffix == ".jsonl" else {cell.strip(' "\r\n') for cell in line.split(",")}
    except (OSError, ValueError, TypeError):
        return set()


def _in_splits(place: Path, rows: list[Row], rule: SplitRule) -> tuple[list[Row], SplitRule]:
    """Take the folders of paths for splits, where no row has a split and the folders' names mean splits.

    Returns:
        The rows with their splits, and the rule that names these.

    Raises:
        UserError: only some rows have a split, or the names of folders are ambiguous.
    """
    if rule.folders == {} or not rows:
        return rows, rule
    without = [row for row in rows if row.split is None]
    if len(without) < len(rows):
        if without:
            raise wrong(without[0].file, without[0].line, "the split is missing; every image needs one")
        return rows, rule
    folders = [Path(row.path).parts[:-1] if row.file.parent == place else (row.file.parent.name,) for row in rows]
    depth = _depth(folders, _named(rule))
    top = place.joinpath(*folders[0][:depth])
    there = {parts[depth] for parts in folders if len(parts) > depth}
    splits = split_names(shown(str(top)), "folder", there, rule) if there else {}
    if not splits:
        return rows, rule
    found = zip(rows, folders, strict=True)
    rows = [replace(row, split=parts[depth] if len(parts) > depth else None) for row, parts in found]
    return rows, replace(rule, folders=splits)


def _depth(folders: Sequence[tuple[str, ...]], named: Collection[str]) -> int:
    """The depth of the path component that may be a split: 1 if all paths begin with images/train or images/test."""
    depth = 0
    for there in map(set, zip(*folders, strict=False)):
        if len(there) > 1 or any(split_of(name) or name in named for name in there):
            break
        depth += 1
    return depth


def _named(rule: SplitRule) -> frozenset[str]:
    """The folders that the suite names as splits."""
    return frozenset((rule.folders or {}).values())


def _objects(file: Path, columns: Columns) -> Iterator[tuple[int, dict[str, str]]]:
    """The line number and the wanted values of each line of a JSON Lines file."""
    try:
        with file.open(encoding="utf-8-sig") as stream:
            for line, text in enumerate(stream, 1):
                if text.strip():
                    yield line, _values(file, line, text, columns)
    except OSError as error:
        raise UserError(f"{shown(str(file))} cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{shown(str(file))} is not UTF-8 ({error.reason}); save it as UTF-8") from error


def _values(file: Path, line: int, text: str, columns: Columns) -> dict[str, str]:
    try:
        found: Any = parse_json(text)
    except ValueError as error:
        raise wrong(file, line, f"this is not JSON ({error}); correct that line") from error
    if not isinstance(found, dict):
        raise wrong(file, line, 'expected an object such as {"file_name": "0001.png", "label": "cat"}')
    for name in (columns.path, columns.label):
        if name not in found:
            raise wrong(file, line, f"there is no {name!r}; {nearest(name, list(found), 'keys')}")
    if isinstance(found[columns.label], list):
        raise wrong(file, line, f"{columns.label!r} has several labels, and an image must have exactly one; keep one")
    values = {name: found[name] for name in (columns.path, columns.label, columns.split) if name in found}
    for name, value in values.items():
        if not isinstance(value, str | int):
            raise wrong(file, line, f"{name!r} is {json.dumps(value)}; expected a name or an integer")
    return {name: str(value).strip() for name, value in values.items()}
