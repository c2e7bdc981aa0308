"""The records of one run on disk: one JSON file a cell, and its predictions beside it."""

import hashlib
import io
import json
import math
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError
from pydantic_core import from_json

from tlbench.core.cell import id_of
from tlbench.core.files import move_aside, write_atomically
from tlbench.results.migrations import RecordTooNewError, migrate
from tlbench.results.record import SCHEMA_VERSION, Record

CHECKSUM, CELL = "checksum", b'"cell": '

Answers = tuple[NDArray[np.float32], NDArray[np.int32]]
"""Class probabilities (N, classes) and true labels (N,) of the images of a split, in its order."""

Evaluated = Literal["test", "validation"]

ARRAYS: Mapping[Evaluated, tuple[str, str]] = {
    "test": ("probabilities", "labels"),
    "validation": ("validation_probabilities", "validation_labels"),
}
"""The names of a split's arrays in a file of predictions."""


@dataclass(frozen=True)
class SetAside:
    """A file that is no readable record: where it was moved to, and why."""

    path: Path
    reason: str


@dataclass(frozen=True)
class Records:
    """All readable records of a run, by cell id, and the files that had to be set aside."""

    records: tuple[Record, ...]
    set_aside: tuple[SetAside, ...]


class UnreadableError(ValueError):
    """A file is no record; the text says why."""


class Store:
    """Reads and writes the records in `folder`.

    Files are written whole or not at all. One that cannot be read is moved to ``set_aside/`` and named,
    never replaced, and the others still count.
    """

    def __init__(self, folder: Path) -> None:
        self._records = folder / "records"
        self._predictions = folder / "predictions"
        self._set_aside = folder / "set_aside"

    def write(self, record: Record) -> Path:
        """Write or replace the record of its cell; returns the file. A failure does not replace one that is `ok`."""
        path = self._records / f"{record.cell_id}.json"
        if record.status != "ok" and self._is_ok(path):
            return path
        write_atomically(path, encode(record))
        return path

    def read_all(self) -> Records:
        """Read every record, in the order of cell ids. Raises RecordTooNewError for one of a newer schema."""
        records, aside = [], []
        for path in self._files():
            try:
                records.append(decode(path.read_bytes(), path.stem))
            except UnreadableError as error:
                aside.append(SetAside(self._put_aside(path), str(error)))
            except RecordTooNewError as error:
                raise RecordTooNewError(f"{path}: {error}") from error
        return Records(tuple(records), tuple(aside))

    def _put_aside(self, path: Path) -> Path:
        """Where the file is now: who may only read leaves it in its place."""
        try:
            return move_aside(path, self._set_aside)
        except OSError:
            return path

    def _is_ok(self, path: Path) -> bool:
        try:
            return decode(path.read_bytes(), path.stem).status == "ok"
        except (FileNotFoundError, UnreadableError, RecordTooNewError):
            return False

    def done_ids(self) -> set[str]:
        """Cells with a record that says `ok` and has its step times, or asks for none.

        Damaged files count as not done and stay where they are.
        """
        done = set()
        for path in self._files():
            try:
                content = json.loads(path.read_bytes())
            except (ValueError, RecursionError):
                continue
            if isinstance(content, dict) and content.get("status") == "ok":
                timed = content.get("timings") is not None or (content.get("cell") or {}).get("timing") is None
                done |= {path.stem} if timed else set()
        return done

    def write_predictions(self, cell_id: str, predictions: Mapping[Evaluated, Answers]) -> Path:
        """Keep what a cell predicted of each split."""
        buffer = io.BytesIO()
        arrays: dict[str, Any] = {
            ARRAYS[split][part]: answers[part] for split, answers in predictions.items() for part in (0, 1)
        }
        np.savez_compressed(buffer, **arrays)
        path = self._predictions / f"{cell_id}.npz"
        write_atomically(path, buffer.getvalue())
        return path

    def read_predictions(self, cell_id: str, split: Evaluated = "test") -> Answers | None:
        """What a cell predicted; None where nothing of that split was kept (of validation: before tlbench 0.2, and for
        original classifiers).

        Raises UnreadableError where the file is damaged.
        """
        path = self._predictions / f"{cell_id}.npz"
        if not path.exists():
            return None
        try:
            with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as arrays:
                if split != "test" and ARRAYS[split][0] not in arrays:
                    return None
                probabilities, labels = ARRAYS[split]
                return arrays[probabilities], arrays[labels]
        except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise UnreadableError(f"{path} holds no predictions ({error})") from error

    def read_right(self, cell_id: str) -> NDArray[np.bool_]:
        """For each test image, whether the cell predicted it right (N,). Raises UnreadableError without predictions."""
        predictions = self.read_predictions(cell_id)
        if predictions is None:
            raise UnreadableError(f"cell {cell_id} has no predictions in {self._predictions}")
        probabilities, labels = predictions
        right: NDArray[np.bool_] = probabilities.argmax(axis=1) == labels
        return right

    def _files(self) -> list[Path]:
        if not self._records.is_dir():
            return []
        return sorted(self._records.glob("*.json"), key=lambda path: path.name)


def encode(record: Record) -> bytes:
    """The record as JSON: one line for each top-level field, sorted, the checksum last.

    What is no Unicode (bytes of a file name in an old encoding) is written as its backslash escape.
    """
    content = _plain(record.model_dump(mode="json"))
    lines = [f"{json.dumps(key)}: {_compact(content[key])}" for key in sorted(content)]
    lines.append(f'"{CHECKSUM}": "{_checksum(content)}"')
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def decode(text: bytes, cell_id: str) -> Record:
    """The record in `text`, which must be the one of `cell_id`.

    Raises UnreadableError where it is damaged or another cell's, RecordTooNewError where its schema is newer.
    """
    record = _as_written(text, cell_id) or _parsed(text)
    if record.cell_id != cell_id or record.cell.id != cell_id:
        raise UnreadableError(f"it is the record of cell {record.cell.id}, not of {cell_id}")
    return record


def _as_written(text: bytes, cell_id: str) -> Record | None:
    """The record in a file that is to the letter as `encode` writes it today; else None.

    Takes half the time of `_parsed`: the checksum is that of the lines, and no value is made twice.
    """
    body, _, tail = text.rpartition(f',\n"{CHECKSUM}": "'.encode())
    lines = body.split(b"\n")
    if f'"schema_version": {SCHEMA_VERSION},'.encode() not in lines:
        return None
    joined = b"".join(line.replace(b'": ', b'":', 1) for line in lines)
    if tail != hashlib.sha256(joined + b"}").hexdigest().encode() + b'"\n}\n':
        return None
    try:
        record = Record.model_validate_json(body + b"}")
    except ValidationError:
        return None
    cell = next(line for line in lines if line.startswith(CELL))
    if id_of(cell.removeprefix(CELL).removesuffix(b",").decode()) == cell_id:
        vars(record.cell)["id"] = cell_id  # so that it need not be computed again
    return record


def _parsed(text: bytes) -> Record:
    """The record in a file of any schema, however its JSON is laid out."""
    try:
        content = from_json(text)
    except ValueError as error:
        raise UnreadableError(f"it is no JSON ({error})") from error
    if not isinstance(content, dict):
        raise UnreadableError("it is no JSON object")
    if content.pop(CHECKSUM, None) != _checksum(content):
        raise UnreadableError("its checksum does not fit its content")
    try:
        return Record.model_validate(migrate(content))
    except RecordTooNewError:
        raise
    except ValidationError as error:
        first = error.errors()[0]
        raise UnreadableError(f"field {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    except ValueError as error:
        raise UnreadableError(str(error)) from error


def _plain(value: Any) -> Any:
    """`value` with all that strict JSON in UTF-8 cannot say put as text, numbers as record.py states."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {_plain(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value


def _compact(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _checksum(content: dict[str, Any]) -> str:
    return hashlib.sha256(_compact(content).encode("utf-8", "backslashreplace")).hexdigest()
