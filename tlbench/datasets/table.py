"""A CSV file of paths and labels: which image files it lists, and the split and class of each."""

import csv
import errno
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from PIL import Image

from tlbench.core.errors import UserError, nearest
from tlbench.core.text import counted
from tlbench.datasets.build import MOST_BAD
from tlbench.datasets.layout import Layout, SplitRule
from tlbench.datasets.listing import LeftOut
from tlbench.datasets.names import shown
from tlbench.datasets.splits import grouped, of_images
from tlbench.results.images import SkippedFile

PATH, LABEL, SPLIT = "path", "label", "split"
"""The usual names of the columns."""
BETWEEN = "|;,"
"""Characters that separate the labels of a cell with several labels."""
OTHER_SIGNS = ";\t|"
"""Cell separators of tables that are not comma-separated although the file is called CSV."""
NAMED = 3
"""Number of missing files that a message lists."""
LONGEST = 2**20
"""Largest number of characters in a line, so that a file without line breaks is not read into memory."""

Cells = Iterable[tuple[int, Mapping[str, str]]]
"""The number of each line, and its cells by column."""


@dataclass(frozen=True)
class Columns:
    """The names of the columns that are read. The column of splits is optional."""

    path: str = PATH
    label: str = LABEL
    split: str = SPLIT


@dataclass(frozen=True)
class Row:
    """A line of a table.

    Attributes:
        file: the table.
        line: number of the line, from 1.
        path: the image's path, relative to the data set's folder.
        label: the class.
        split: the split as the table calls it; None without that column, or outside the folders that are splits.
    """

    file: Path
    line: int
    path: str
    label: str
    split: str | None


def read_table(file: Path, rule: SplitRule, *, empty: bool = False) -> Layout:
    """Read the layout of the image files that a CSV file lists.

    The columns are ``path``, ``label`` and optionally ``split``, or the first two as `rule` names them; others are
    ignored. Paths are relative to the CSV file's folder, in the layout too, so that the layout equals that of a folder
    with the same files in the same splits. Missing files are left out, up to 5 % of them.

    Args:
        file: the CSV file.
        rule: how splits, classes and columns are chosen.
        empty: as in `read_folder`.

    Raises:
        UserError: the file cannot be understood, more than 5 % of the image files are missing, or an image has more
            than one label; the message gives the line.
    """
    columns = Columns(rule.image or PATH, rule.label or LABEL)
    rows = list(rows_of(file, cells_of(file, columns), columns, file.parent, rule.classes))
    return laid_out_rows(file, file.parent, rows, rule, empty=empty)


def laid_out_rows(file: Path, folder: Path, rows: Sequence[Row], rule: SplitRule, *, empty: bool = False) -> Layout:
    """Build the layout of the images that rows list.

    Args:
        file: the table or folder by which the user knows the data set.
        folder: the folder that the rows' paths are relative to.
        rows: the rows of one table or more.
        rule: how splits and classes are chosen.
        empty: as in `read_folder`.

    Raises:
        UserError: as in `read_table`.
    """
    left_out = LeftOut()
    _check_once(rows)
    rows = _there(file, folder, rows, left_out)
    if rule.folders and all(row.split is None for row in rows):
        raise UserError(
            f"{shown(str(file))} has no column {SPLIT!r}, but `splits` names values of it; add the column, or remove "
            "`splits`"
        )
    listed, labels = grouped((row.split, row.label, row.path) for row in rows), sorted({row.label for row in rows})
    return of_images(file, folder, listed, labels, rule, left_out, empty=empty)


def rows_of(file: Path, lines: Cells, columns: Columns, folder: Path, single: Collection[str]) -> Iterator[Row]:
    """Turn the lines of a table into rows, each with one label.

    Args:
        file: the table.
        lines: its lines.
        columns: the names of the columns.
        folder: the data set's folder, to which the rows' paths are made relative.
        single: labels that are one label although they contain a separator.

    Raises:
        UserError: a cell is empty or has several labels; the message gives the line.
    """
    for line, cells in lines:
        path, label = cells[columns.path], cells[columns.label]
        for column, value in cells.items():
            if not value:
                raise wrong(file, line, f"the {column} is missing; every image needs one")
        if "\0" in path:
            raise wrong(file, line, "the path contains a null character; correct it")
        if label not in single and any(sign in label for sign in BETWEEN):
            raise wrong(
                file, line,
                f"{label!r} looks like several labels, and an image must have exactly one; keep one of them, or, if it "
                "is the name of one class, list it in `classes` of the suite",
            )  # fmt: skip
        yield Row(file, line, os.path.relpath(file.parent / path, folder), label, cells.get(columns.split))


def cells_of(file: Path, wanted: Columns) -> Iterator[tuple[int, dict[str, str]]]:
    """Read the wanted cells of each line of a CSV file, stripped of spaces. Empty lines are skipped.

    Yields:
        The line's number, and its cells by column.

    Raises:
        UserError: the file is not CSV, or lacks a wanted column; the message gives the line.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(_lines(stream), strict=True, skipinitialspace=True)
            columns: dict[str, int] = {}
            for cells in reader:
                if not any(cell.strip() for cell in cells):
                    continue
                if not columns:
                    header = [cell.strip() for cell in cells]
                    columns = _columns(file, reader.line_num, header, wanted)
                    continue
                if len(cells) != len(header):
                    raise wrong(
                        file, reader.line_num,
                        f"{counted(len(cells), 'cell')}, but the header has {len(header)}; quote cells that contain a "
                        "comma",
                    )  # fmt: skip
                yield reader.line_num, {name: cells[number].strip() for name, number in columns.items()}
    except OSError as error:
        raise UserError(f"{shown(str(file))} cannot be read ({error.strerror}); give a CSV file") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{shown(str(file))} is not UTF-8 ({error.reason}); save it as UTF-8") from error
    except csv.Error as error:
        raise wrong(file, reader.line_num, f"this is not CSV ({error}); correct that line") from error
    if not columns:
        raise UserError(
            f"{shown(str(file))} is empty; its first line must name the columns: "
            f"{wanted.path},{wanted.label},{wanted.split}"
        )


def _lines(stream: TextIO) -> Iterator[str]:
    """The lines of a file. Raises csv.Error for a line that is too long."""
    while line := stream.readline(LONGEST + 1):
        if len(line) > LONGEST:
            raise csv.Error(f"it has more than {LONGEST} characters")
        yield line


def _columns(file: Path, line: int, header: Sequence[str], wanted: Columns) -> dict[str, int]:
    """The index of each wanted column. Raises UserError if one is missing or occurs twice."""
    if missing := [name for name in (wanted.path, wanted.label) if name not in header]:
        raise wrong(file, line, _no_columns(file, header, missing, wanted))
    names = (wanted.path, wanted.label, wanted.split)
    for name in names:
        if header.count(name) > 1:
            raise wrong(file, line, f"there are {header.count(name)} columns {name!r}; rename all but one")
    return {name: header.index(name) for name in names if name in header}


def _no_columns(file: Path, header: Sequence[str], missing: Sequence[str], wanted: Columns) -> str:
    """What may be wrong with a header that lacks columns, and what to do about it."""
    between = next((sign for sign in OTHER_SIGNS if sign in header[0]), None) if len(header) == 1 else None
    if between is not None:
        return f"its cells are separated by {between!r}; save it with commas"
    if (image := next((cell for cell in header if _is_image(file, cell)), None)) is not None:
        return (
            f"the first line is already an image, {shown(image)}; add a line above it that names the columns: "
            f"{wanted.path},{wanted.label}"
        )
    keys = [key for key, name in (("image", wanted.path), ("label", wanted.label)) if name in missing]
    near, them = nearest(missing[0], list(header), "columns"), "it" if len(keys) == 1 else "them"
    name = " Name" if near.endswith("?") else "; name"
    return (
        f"there is no column {' and none '.join(map(repr, missing))}; {near}{name} {them} "
        f"with {' and '.join(f'`{key}: COLUMN`' for key in keys)} in the suite, or "
        f"{' and '.join(f'--{key} COLUMN' for key in keys)}"
    )


def _is_image(file: Path, cell: str) -> bool:
    """Whether a cell looks like the path of an image: by its ending, or because the file exists."""
    with suppress(OSError, ValueError):
        return Path(cell).suffix.lower() in Image.registered_extensions() or (file.parent / cell).is_file()
    return False


def _check_once(rows: Sequence[Row]) -> None:
    """Raise UserError if an image is in more than one line."""
    seen: dict[str, Row] = {}
    for row in rows:
        first = seen.setdefault(row.path, row)
        if first is row:
            continue
        if first.label != row.label:
            what = (
                f"is {row.label!r} here and {first.label!r} in line {first.line}: an image must have exactly one label"
            )
        elif first.split != row.split:
            here, there = shown(str(row.split)), shown(str(first.split))
            what = f"is in {here} here and in {there} in line {first.line}: an image can only be in one split"
        else:
            what = f"is already in line {first.line}"
        raise wrong(row.file, row.line, f"{shown(row.path)} {what}; keep one of the lines")


def _there(file: Path, folder: Path, rows: Sequence[Row], left_out: LeftOut) -> list[Row]:
    """The rows whose file exists. Raises UserError if more than 5 % are missing."""
    missing = [row for row in rows if not _exists(folder / row.path)]
    if len(missing) > MOST_BAD * len(rows):
        named = ", ".join(f"{shown(row.path)} (line {row.line})" for row in missing[:NAMED])
        more = ", ..." if len(missing) > NAMED else ""
        raise UserError(
            f"{shown(str(file))}: {len(missing)} of {counted(len(rows), 'file')} do not exist: {named}{more}; "
            f"paths are relative to {shown(str(folder.resolve()))}"
        )
    left_out += [
        SkippedFile(split="", path=shown(row.path), reason=f"line {row.line} of {shown(row.file.name)}: no such file")
        for row in missing
    ]
    gone = {row.path for row in missing}
    return [row for row in rows if row.path not in gone]


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:  # nothing can be called so
            return False
        raise


def wrong(file: Path, line: int, what: str) -> UserError:
    """An error in a line of a table."""
    return UserError(f"{shown(str(file))}:{line}: {what}")
