"""A folder of images with a table of their labels beside them, ``metadata.csv`` or ``metadata.jsonl``, as Hugging
Face's `imagefolder` has it.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from tlbench.core.errors import UserError, nearest
from tlbench.datasets.layout import Layout, SplitRule
from tlbench.datasets.listing import peek
from tlbench.datasets.names import shown, split_of
from tlbench.datasets.table import LABEL, Columns, Row, cells_of, laid_out_rows, rows_of, wrong

NAMES = ("metadata.csv", "metadata.jsonl")
FILE_NAME = "file_name"
"""The column of the images' paths, relative to the table's folder, as `imagefolder` calls it."""
LONGEST = 64 * 1024


def has_labels(place: Path, rule: SplitRule) -> bool:
    """Whether tables beside the images give their labels; those that say other things of them are none."""
    columns = _columns(rule)
    found = _tables(place)
    return bool(found) and all({columns.path, columns.label} <= _first(file) for file in found)


def read_metadata(place: Path, rule: SplitRule, *, empty: bool = False) -> Layout:
    """The layout of the images that the tables list: one beside all, or one in the folder of each split.

    Where the one has no column `split`, folders whose names mean one are splits. Raises UserError, at the line.
    """
    columns, found = _columns(rule), _tables(place)
    rows: list[Row] = []
    for file in found:
        lines = cells_of(file, columns) if file.suffix == ".csv" else _objects(file, columns)
        of = list(rows_of(file, lines, columns, place, rule.classes))
        folder = file.parent.name if file.parent != place else None
        rows += of if folder is None else [replace(row, split=row.split or folder) for row in of]
    return laid_out_rows(found[0] if len(found) == 1 else place, place, _in_folders(rows), rule, empty=empty)


def _columns(rule: SplitRule) -> Columns:
    return Columns(rule.image or FILE_NAME, rule.label or LABEL)


def _tables(place: Path) -> list[Path]:
    """That in the folder, else those in its folders that are called as splits are."""
    if own := [place / name for name in NAMES if (place / name).is_file()]:
        return own[:1]
    folders = [path for name, path in peek(place).folders.items() if split_of(name)]
    return [file for folder in folders if (file := _in(folder)) is not None]


def _in(folder: Path) -> Path | None:
    return next((folder / name for name in NAMES if (folder / name).is_file()), None)


def _first(file: Path) -> set[str]:
    """The columns, as the first line has them; none where that cannot be read."""
    try:
        with file.open(encoding="utf-8-sig") as stream:
            line = stream.readline(LONGEST)
        return set(json.loads(line)) if file.suffix == ".jsonl" else {cell.strip(' "\r\n') for cell in line.split(",")}
    except (OSError, ValueError, TypeError):
        return set()


def _in_folders(rows: list[Row]) -> list[Row]:
    """The rows with their first folders as splits, where no row has a split and all of those mean one."""
    firsts = {Path(row.path).parts[0] for row in rows}
    if any(row.split for row in rows) or not firsts or not all(split_of(first) for first in firsts):
        return rows
    return [replace(row, split=Path(row.path).parts[0]) for row in rows]


def _objects(file: Path, columns: Columns) -> Iterator[tuple[int, dict[str, str]]]:
    """Number and wanted values of each line of a file with an object in each."""
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
        found: Any = json.loads(text)
    except ValueError as error:
        raise wrong(file, line, f"this is no JSON ({error}); mend that line") from error
    if not isinstance(found, dict):
        raise wrong(file, line, 'an object belongs here, as {"file_name": "0001.png", "label": "cat"}')
    for name in (columns.path, columns.label):
        if name not in found:
            raise wrong(file, line, f"there is no {name!r}; {nearest(name, list(found), 'keys')}")
    if isinstance(found[columns.label], list):
        raise wrong(file, line, f"{columns.label!r} has several labels, and an image can have one here; keep one")
    values = {name: found[name] for name in (columns.path, columns.label, columns.split) if name in found}
    for name, value in values.items():
        if not isinstance(value, str | int):
            raise wrong(file, line, f"{name!r} is {json.dumps(value)}; a name or a whole number belongs here")
    return {name: str(value).strip() for name, value in values.items()}
