"""Manifests of cache entries: what an entry was made from, and the shapes and checksums of its arrays."""

import hashlib
import json
import math
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tlbench.core.json_text import parse_json
from tlbench.core.value import Value

MANIFEST = "manifest.json"
VERSION = 4
"""The version of the layout, part of every key and manifest. Increase it when the layout changes."""
DIGEST = "sha256"
"""The key of the digest of a manifest, because a flipped bit could change a class or a fingerprint."""
PIECE = 1 << 24


class DamagedError(Exception):
    """An entry does not match its manifest. The message is a clause for the user."""


class ArrayFile(Value):
    """A raw array: the name of its file, its shape with rows first, its NumPy data type, and its CRC-32."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    crc32: int

    @property
    def bytes(self) -> int:
        """The size of the array in bytes."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize


class Manifest(Value):
    """The content of an entry; `about` has further information as JSON, which depends on the kind."""

    version: int
    kind: str
    made_from: dict[str, str]
    arrays: tuple[ArrayFile, ...]
    about: dict[str, Any]


def key_of(made_from: Mapping[str, str]) -> str:
    """The name of an entry, a hash of everything that it was made from."""
    content = json.dumps([VERSION, sorted(made_from.items())], separators=(",", ":"))
    return hashlib.sha256(content.encode("utf-8", "surrogateescape")).hexdigest()[:24]


def encode_manifest(manifest: Manifest) -> bytes:
    """Encode a manifest as JSON with a digest."""
    content = json.loads(manifest.model_dump_json())
    return json.dumps({**content, DIGEST: _digest(content)}, indent=1).encode()


def read_manifest(entry: Path) -> Manifest:
    """Read the manifest of an entry. Raises DamagedError if it is damaged or of another version."""
    try:
        content = parse_json((entry / MANIFEST).read_bytes())
        if content.get("version") != VERSION:
            raise DamagedError("another version of tlbench made it")
        if content.pop(DIGEST, None) != _digest(content):
            raise DamagedError("its manifest is not what was written")
        return Manifest.model_validate(content)
    except (OSError, ValueError, AttributeError) as error:
        raise DamagedError("its manifest cannot be read") from error


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def check_arrays(entry: Path, manifest: Manifest) -> None:
    """Verify the size and checksum of every array. Raises DamagedError if one does not match the manifest."""
    for array in manifest.arrays:
        try:
            size = (entry / array.name).stat().st_size
            crc = _checksum(entry / array.name) if size == array.bytes else None
        except OSError as error:
            raise DamagedError(f"{array.name} cannot be read ({error.strerror})") from error
        if crc != array.crc32:
            raise DamagedError(f"{array.name} is not what was written")


def _checksum(file: Path) -> int:
    """CRC-32 by plain reads: a page of a mapping that the disk cannot give would kill the process."""
    piece, crc = memoryview(bytearray(PIECE)), 0
    with file.open("rb", buffering=0) as stream:
        while count := stream.readinto(piece):
            crc = zlib.crc32(piece[:count], crc)
    return crc
