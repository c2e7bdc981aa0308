"""Labels and images in Arrow and Parquet files. Needs pyarrow (extra `huggingface`).

Nothing in the files is unpickled or executed.
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
    """Check that pyarrow is installed.

    Raises:
        UserError: it is not.
    """
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise UserError(
            f"{shown(str(place))} has its images in Arrow or Parquet files, which need the package pyarrow: "
            "`pip install 'tlbench[huggingface]'`"
        ) from error


@contextmanager
def _readable(file: Path) -> Iterator[None]:
    """Turn any error of reading `file` into a UserError."""
    from pyarrow import ArrowException

    try:
        yield
    except (ArrowException, OSError, ValueError, KeyError) as error:
        why = one_line(str(error)) or type(error).__name__
        raise UserError(f"{shown(str(file))} cannot be read ({why[:300]}); download or save it again") from error


@dataclass(frozen=True)
class ArrowFiles:
    """The rows of a split in Arrow files written by ``Dataset.save_to_disk``, memory-mapped."""

    files: tuple[Path, ...]

    def schema(self) -> Any:
        """The schema of the first file."""
        return self._tables()[0].schema

    def column(self, name: str) -> list[Any]:
        """All values of a column."""
        found: list[Any] = []
        for file, values in zip(self.files, self._columns(name), strict=True):
            with _readable(file):
                found += values.to_pylist()
        return found

    def reader(self, column: str) -> Callable[[int], bytes]:
        """A function that returns the encoded image of a row."""
        columns = self._columns(column)
        parts = Parts(map(len, columns))

        def read(row: int) -> bytes:
            part, inner = parts.place(row)
            return _bytes_of(columns[part][inner].as_py())

        return read

    def _columns(self, name: str) -> list[Any]:
        """The column of each file."""
        found = []
        for file, table in zip(self.files, self._tables(), strict=True):
            with _readable(file):
                found.append(table.column(name))
        return found

    def _tables(self) -> list[Any]:
        """The validated table of each file.

        Full validation is needed because an offset outside a damaged file would crash the process when it is read.
        """
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
        """The schema of the first file."""
        from pyarrow import parquet

        with _readable(self.files[0]):
            return parquet.read_schema(str(self.files[0]))

    def column(self, name: str) -> list[Any]:
        """All values of a column; other columns are not read."""
        from pyarrow import parquet

        found: list[Any] = []
        for file in self.files:
            with _readable(file):
                table = parquet.ParquetFile(str(file)).read(columns=[name])
                table.validate(full=True)
                found += table.column(name).to_pylist()
        return found

    def reader(self, column: str) -> Callable[[int], bytes]:
        """A function that returns the encoded image of a row."""
        return _Spooled(self.files, column)


def _check_names(fields: Iterable[Any]) -> None:
    """Check that the names of fields and their nested fields are valid UTF-8.

    Raises:
        UnicodeDecodeError: one is not; pyarrow decodes a name when it is accessed.
    """
    for field in fields:
        assert field.name is not None
        _check_names(field.type.field(place) for place in range(field.type.num_fields))


class _Spooled:
    """Images of Parquet files, read by row group, each once.

    Parquet can only be read by row groups, but images are asked for class by class, and a row group holds rows of all
    classes. So the images of a row group are kept in an anonymous temporary file once the group has been read.
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
        """The position and length in the spool of each row's image in a row group, or why the row has none."""
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
                f"the images of {shown(str(file))} cannot be stored in {cache_dir()} while they are decoded "
                f"({error.strerror}); free space there, or set TLBENCH_CACHE to another disk"
            ) from error
        return places


def _bytes_of(value: Any) -> bytes:
    """The encoded image of a value, which is bytes or ``{bytes, path}``."""
    content = value.get("bytes") if isinstance(value, Mapping) else value
    if isinstance(content, bytes):
        return content
    path = value.get("path") if isinstance(value, Mapping) else None
    if path:
        raise UndecodableError(f"only its path is stored, {shown(str(path))}; save the data set with embedded images")
    raise UndecodableError("no image")
