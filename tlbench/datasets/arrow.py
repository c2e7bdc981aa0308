"""Rows of Arrow and Parquet files: their labels, and their images one at a time. Needs pyarrow (extra `huggingface`).

Nothing in them is unpickled or run.
"""

import os
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tlbench.cache.folders import cache_dir
from tlbench.core.errors import UserError
from tlbench.core.text import one_line
from tlbench.datasets.decode import UndecodableError
from tlbench.datasets.names import shown
from tlbench.datasets.rows import Parts


def check_package(place: Path) -> None:
    """Raises UserError where pyarrow is not installed."""
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise UserError(
            f"{shown(str(place))} has its images in Arrow or Parquet files, which need the package pyarrow; "
            "`pip install 'tlbench[huggingface]'`"
        ) from error


@contextmanager
def _readable(file: Path) -> Iterator[None]:
    """Raises UserError for whatever reading of `file` raises."""
    from pyarrow import ArrowException

    try:
        yield
    except (ArrowException, OSError, ValueError, KeyError) as error:
        why = one_line(str(error)) or type(error).__name__
        raise UserError(f"{shown(str(file))} cannot be read ({why[:300]}); fetch or save it again") from error


@dataclass(frozen=True)
class ArrowFiles:
    """The rows of a split in Arrow files that `datasets` has saved (``save_to_disk``): mapped, never read whole."""

    files: tuple[Path, ...]

    def schema(self) -> Any:
        """Of the first file."""
        return self._tables()[0].schema

    def column(self, name: str) -> list[Any]:
        """All values of a column."""
        found: list[Any] = []
        for file, values in zip(self.files, self._columns(name), strict=True):
            with _readable(file):
                found += values.to_pylist()
        return found

    def reader(self, column: str) -> Callable[[int], bytes]:
        """What reads the image of a row."""
        columns = self._columns(column)
        parts = Parts(map(len, columns))

        def read(row: int) -> bytes:
            part, inner = parts.place(row)
            return _bytes_of(columns[part][inner].as_py())

        return read

    def _columns(self, name: str) -> list[Any]:
        """That of each file."""
        found = []
        for file, table in zip(self.files, self._tables(), strict=True):
            with _readable(file):
                found.append(table.column(name))
        return found

    def _tables(self) -> list[Any]:
        """Those of the files, whose offsets all lie within them: what a damaged one points at would end the process."""
        import pyarrow

        found = []
        for file in self.files:
            with _readable(file):
                table = pyarrow.ipc.open_stream(pyarrow.memory_map(str(file))).read_all()
                table.validate(full=True)
                _check_names(table.schema)
                found.append(table)
        return found


@dataclass(frozen=True)
class ParquetFiles:
    """The rows of a split in Parquet files."""

    files: tuple[Path, ...]

    def schema(self) -> Any:
        """Of the first file."""
        from pyarrow import parquet

        with _readable(self.files[0]):
            return parquet.read_schema(str(self.files[0]))

    def column(self, name: str) -> list[Any]:
        """All values of a column; nothing else is read."""
        from pyarrow import parquet

        found: list[Any] = []
        for file in self.files:
            with _readable(file):
                table = parquet.ParquetFile(str(file)).read(columns=[name])
                table.validate(full=True)
                found += table.column(name).to_pylist()
        return found

    def reader(self, column: str) -> Callable[[int], bytes]:
        """What reads the image of a row."""
        return _Spooled(self.files, column)


def _check_names(fields: Iterable[Any]) -> None:
    """Raises UnicodeDecodeError for fields, or fields within them, whose name is no text."""
    for field in fields:
        assert field.name is not None
        _check_names(field.type.field(place) for place in range(field.type.num_fields))


class _Spooled:
    """Images of Parquet files, which are to be had by groups of rows alone: a group is read once, when it is asked for,
    and kept in an unnamed file, since classes are asked for one after the other and rows of a group are of all.
    """

    def __init__(self, files: Sequence[Path], column: str) -> None:
        from pyarrow import parquet

        self._column, self._lock = column, threading.Lock()
        self._groups: list[tuple[Path, Any, int]] = []
        rows: list[int] = []
        for file in files:
            with _readable(file):
                opened = parquet.ParquetFile(str(file))
                _check_names(opened.schema_arrow)
                for group in range(opened.num_row_groups):
                    self._groups.append((file, opened, group))
                    rows.append(opened.metadata.row_group(group).num_rows)
        self._parts = Parts(rows)
        self._kept: dict[int, list[tuple[int, int] | str]] = {}
        cache_dir().mkdir(parents=True, exist_ok=True)
        self._spool = tempfile.TemporaryFile(dir=cache_dir())  # noqa: SIM115 open as long as this is used
        weakref.finalize(self, self._spool.close)

    def __call__(self, row: int) -> bytes:
        number, inner = self._parts.place(row)
        with self._lock:
            if number not in self._kept:
                self._kept[number] = self._keep(number)
        place = self._kept[number][inner]
        if isinstance(place, str):
            raise UndecodableError(place)
        begin, length = place
        return os.pread(self._spool.fileno(), length, begin)

    def _keep(self, number: int) -> list[tuple[int, int] | str]:
        """Where the image of each row of a group is in the spool, or why there is none."""
        file, opened, group = self._groups[number]
        with _readable(file):
            values = opened.read_row_group(group, columns=[self._column]).column(self._column)
            values.validate(full=True)
        places: list[tuple[int, int] | str] = []
        try:
            for value in values:
                try:
                    content = _bytes_of(value.as_py())
                    places.append((self._spool.tell(), self._spool.write(content)))
                except UndecodableError as error:
                    places.append(str(error))
            self._spool.flush()
        except OSError as error:
            raise UserError(
                f"the images of {shown(str(file))} cannot be kept in {cache_dir()} while they are decoded "
                f"({error.strerror}); make room there, or set TLBENCH_CACHE to another disk"
            ) from error
        return places


def _bytes_of(value: Any) -> bytes:
    """The image of a cell: bytes, or {bytes, path}."""
    content = value.get("bytes") if isinstance(value, Mapping) else value
    if isinstance(content, bytes):
        return content
    path = value.get("path") if isinstance(value, Mapping) else None
    if path:
        raise UndecodableError(f"only its path is kept, {shown(str(path))}; save the data set with its images in it")
    raise UndecodableError("no image")
