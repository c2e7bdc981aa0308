"""Write the arrays of a cache entry piece by piece, with their checksums."""

import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from tlbench.cache.manifest import MANIFEST, VERSION, ArrayFile, Manifest, encode_manifest


class NoRoomError(Exception):
    """Arrays do not fit into the limit of the cache, or onto the disk. The message is a clause for the user."""


@dataclass
class _Growing:
    file: BinaryIO
    row: tuple[int, ...]
    dtype: np.dtype[np.generic]
    rows: int = 0
    crc: int = 0


class Writer:
    """Writes arrays row by row, without knowing the number of rows; `about` goes into the manifest."""

    def __init__(self, folder: Path, kind: str, made_from: Mapping[str, str]) -> None:
        self._folder, self._kind, self._made_from = folder, kind, dict(made_from)
        self._arrays: dict[str, _Growing] = {}
        self.about: dict[str, Any] = {}

    def append(self, name: str, rows: NDArray[np.generic]) -> None:
        """Append rows (rows, ...) to an array.

        Raises:
            NoRoomError: they do not fit.
            ValueError: their shape or data type differs from that of earlier rows.
        """
        try:
            if name not in self._arrays:
                self._arrays[name] = _Growing((self._folder / name).open("wb"), rows.shape[1:], rows.dtype)
            array = self._arrays[name]
            if (rows.shape[1:], rows.dtype) != (array.row, array.dtype):
                raise ValueError(f"rows of {name} are {array.dtype} {array.row}, not {rows.dtype} {rows.shape[1:]}")
            content = np.ascontiguousarray(rows).reshape(-1).view(np.uint8).data
            array.file.write(content)
        except OSError as error:
            raise self._no_room(error, name) from error
        array.crc = zlib.crc32(content, array.crc)
        array.rows += len(rows)

    def rows(self, name: str) -> int:
        """The number of rows of an array so far."""
        return self._arrays[name].rows if name in self._arrays else 0

    def finish(self) -> Manifest:
        """Write the manifest, and flush everything to the disk. Raises NoRoomError."""
        manifest = Manifest(
            version=VERSION,
            kind=self._kind,
            made_from=self._made_from,
            arrays=tuple(
                ArrayFile(name=name, shape=(array.rows, *array.row), dtype=str(array.dtype), crc32=array.crc)
                for name, array in self._arrays.items()
            ),
            about=self.about,
        )
        written = MANIFEST
        try:
            for name, array in self._arrays.items():
                written = name
                _flush(array.file)
            written = MANIFEST
            with (self._folder / MANIFEST).open("wb") as file:
                file.write(encode_manifest(manifest))
                _flush(file)
        except OSError as error:
            raise self._no_room(error, written) from error
        return manifest

    def _no_room(self, error: OSError, name: str) -> NoRoomError:
        return NoRoomError(f"writing {self._kind} to {self._folder / name} failed: {error.strerror}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for array in self._arrays.values():
            try:
                array.file.close()
            except OSError:  # reported by `append` or `finish`
                continue


def _flush(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
