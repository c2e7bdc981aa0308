"""Read records of TFRecord and ArrayRecord files, and the values in them, without TensorFlow.

A TFRecord file is a sequence of records, each preceded by its length (8 bytes, little endian) and a checksum (4 bytes)
and followed by another checksum (tensorflow/core/lib/io/record_writer.h). A record is a `tf.train.Example` in the wire
format of Protocol Buffers (tensorflow/core/example/example.proto). Checksums are not verified: a damaged image fails to
decode.
"""

import mmap
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from tlbench.core.errors import UserError
from tlbench.core.text import one_line
from tlbench.datasets.names import shown

LENGTH, AFTER_LENGTH, AFTER_RECORD = 8, 4, 4
"""Sizes in bytes of a record's length, of the checksum after the length, and of the checksum after the record."""
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""Wire types of Protocol Buffers."""
WHOLE_LIST = {1: "bytes_list", 2: "float_list", 3: "int64_list"}
"""The kinds of a `tf.train.Feature` by field number."""


class BadRecordError(Exception):
    """A record that cannot be read. The message is a clause."""


class Records(Protocol):
    """The records of a file."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> memoryview:
        """The content of a record. Raises BadRecordError."""


class TfRecords:
    """The records of a memory-mapped TFRecord file."""

    def __init__(self, file: Path) -> None:
        """Index the records of a file. Raises UserError if it is not a TFRecord file."""
        try:
            with file.open("rb") as stream:
                mapped: Any = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        except OSError as error:
            raise UserError(
                f"{shown(str(file))} cannot be read ({error.strerror}); prepare the data set again"
            ) from error
        except ValueError:  # an empty file cannot be mapped
            mapped = b""
        self._whole = memoryview(mapped)
        self._places = list(self._found(file))

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> memoryview:
        begin, end = self._places[index]
        return self._whole[begin:end]

    def _found(self, file: Path) -> Iterator[tuple[int, int]]:
        """Start and end of each record."""
        at = 0
        while at < len(self._whole):
            begin = at + LENGTH + AFTER_LENGTH
            length = int.from_bytes(self._whole[at : at + LENGTH], "little")
            at = begin + length + AFTER_RECORD
            if at > len(self._whole):
                raise UserError(
                    f"{shown(str(file))} is not a TFRecord file, or is truncated; prepare the data set again"
                )
            yield begin, begin + length


class ArrayRecords:
    """The records of an ArrayRecord file. Needs array_record, the extra `tfds`."""

    def __init__(self, file: Path) -> None:
        """Open a file. Raises UserError if it is not an ArrayRecord file, or array_record is not installed."""
        try:
            from array_record.python.array_record_module import ArrayRecordReader
        except ImportError as error:
            raise UserError(
                f"{shown(str(file))} is an ArrayRecord file, which needs the package array_record; "
                "`pip install 'tlbench[tfds]'`, or prepare the data set as TFRecord files"
            ) from error
        self._lock = threading.Lock()
        try:
            self._reader = ArrayRecordReader(str(file))
            self._count = int(self._reader.num_records())
        except Exception as error:  # any error of the package means that the file is damaged
            why = one_line(str(error)) or type(error).__name__
            raise UserError(f"{shown(str(file))} cannot be read ({why[:300]}); prepare the data set again") from error

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> memoryview:
        try:
            with self._lock:
                (record,) = self._reader.read([index])
        except Exception as error:  # any error of the package means that the file is damaged
            raise BadRecordError(one_line(str(error)) or type(error).__name__) from error
        return memoryview(record)


def value_of(record: memoryview, key: str) -> list[bytes] | list[int]:
    """The values of a feature of a `tf.train.Example`.

    Args:
        record: the serialized example.
        key: the name of the feature.

    Returns:
        Bytes or integers; empty if the example has no such feature.

    Raises:
        BadRecordError: the record is not an example, or the values are floating-point numbers.
    """
    try:
        for features in _inner(record, 1):
            for entry in _inner(features, 1):
                if [bytes(name) for name in _inner(entry, 1)] == [key.encode()]:
                    return _values(next(_inner(entry, 2), memoryview(b"")))
    except IndexError as error:
        raise BadRecordError("a record is not a tf.train.Example") from error
    return []


def _values(feature: memoryview) -> list[bytes] | list[int]:
    """The values of a serialized `tf.train.Feature`."""
    for number, content in _fields(feature):
        if isinstance(content, int):
            raise IndexError
        if WHOLE_LIST.get(number) == "bytes_list":
            return [bytes(value) for value in _inner(content, 1)]
        if WHOLE_LIST.get(number) == "int64_list":
            return list(_numbers(content))
        raise BadRecordError("a feature has floating-point numbers")
    return []


def _numbers(content: Any) -> Iterator[int]:
    """64-bit integers, packed or not."""
    for number, value in _fields(content):
        if number == 1 and isinstance(value, int):
            yield _signed(value)
        elif number == 1:
            at = 0
            while at < len(value):
                one, at = _varint(value, at)
                yield _signed(one)


def _inner(message: Any, wanted: int) -> Iterator[memoryview]:
    """The length-delimited fields of a message with the number `wanted`."""
    for number, content in _fields(message):
        if number == wanted:
            if isinstance(content, int):
                raise IndexError
            yield content


def _fields(message: memoryview) -> Iterator[tuple[int, Any]]:
    """Number and content of each field: an integer, or the bytes of any other type. Raises IndexError for a bad
    message.
    """
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, kind = tag >> 3, tag & 7
        if kind == VARINT:
            value, at = _varint(message, at)
            yield number, value
            continue
        if kind == BYTES:
            length, at = _varint(message, at)
        elif kind in (FIXED64, FIXED32):
            length = 8 if kind == FIXED64 else 4
        else:
            raise IndexError
        if at + length > len(message):
            raise IndexError
        yield number, message[at : at + length]
        at += length


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """Decode a varint (7 bits per byte, least significant first); also returns the position after it."""
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise IndexError


def _signed(value: int) -> int:
    """Interpret a 64-bit number as two's complement."""
    return value - (1 << 64) if value >= 1 << 63 else value


def open_records(files: Sequence[Path]) -> list[Records]:
    """Open record files; the name of each tells its format."""
    return [ArrayRecords(file) if ".array_record" in file.name else TfRecords(file) for file in files]
