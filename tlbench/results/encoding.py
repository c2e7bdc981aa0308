"""The JSON of a record on disk: a line for each field, and a checksum."""

import hashlib
import json
import math
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json

from tlbench.core.cell import Cell, id_of
from tlbench.core.text import one_line
from tlbench.core.value import by_newer, unknown_fields
from tlbench.results.migrations import RecordTooNewError, migrate
from tlbench.results.record import SCHEMA_VERSION, Record

CHECKSUM, CELL = "checksum", b'"cell": '


class UnreadableError(ValueError):
    """A file is not a record, or has no predictions; the message says why."""


def encode(record: Record) -> bytes:
    """Serialize a record as JSON: one line for each top-level field, sorted, and the checksum last.

    Characters that are not valid Unicode (bytes of file names in old encodings) are written as backslash escapes.
    """
    content = _plain(record.model_dump(mode="json"))
    lines = [f"{json.dumps(key)}: {_compact(content[key])}" for key in sorted(content)]
    lines.append(f'"{CHECKSUM}": "{_checksum(content)}"')
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def decode(text: bytes, cell_id: str) -> Record:
    """Parse the record of a cell.

    Args:
        text: the content of the file.
        cell_id: the id of the cell.

    Raises:
        UnreadableError: it is damaged, or the record of another cell.
        RecordTooNewError: its schema is newer, or it has fields of a newer tlbench.
    """
    record = _as_written(text, cell_id) or _parsed(text)
    if record.cell_id != cell_id or record.cell.id != cell_id:
        raise UnreadableError(f"it is the record of cell {record.cell.id}, not of {cell_id}")
    return record


def _as_written(text: bytes, cell_id: str) -> Record | None:
    """Parse a record that is exactly as `encode` writes it today; None for others.

    It takes half the time of `_parsed`, because the checksum is computed from the lines and each value is parsed once.
    """
    body, _, tail = text.rpartition(f',\n"{CHECKSUM}": "'.encode())
    lines = body.split(b"\n")
    if f'"schema_version": {SCHEMA_VERSION},'.encode() not in lines:
        return None
    joined = b"".join(line.replace(b'": ', b'":', 1) for line in lines)
    if tail != hashlib.sha256(joined + b"}").hexdigest().encode() + b'"\n}\n':
        return None
    cell = next((line for line in lines if line.startswith(CELL)), b"").removeprefix(CELL).removesuffix(b",")
    try:
        record = Record.model_validate_json(body + b"}")
        if id_of(cell.decode()) == cell_id and Cell.model_validate_json(cell) == record.cell:
            vars(record.cell)["id"] = cell_id  # so that it need not be computed again, which takes longer
    except ValidationError:
        return None
    return record


def _parsed(text: bytes) -> Record:
    """Parse a record of any schema, however its JSON is formatted."""
    try:
        content = from_json(text)
    except ValueError as error:
        raise UnreadableError(f"it is not JSON ({error})") from error
    if not isinstance(content, dict):
        raise UnreadableError("it is not a JSON object")
    if content.pop(CHECKSUM, None) != _checksum(content):
        raise UnreadableError("its checksum does not match its content")
    try:
        return Record.model_validate(migrate(content))
    except RecordTooNewError:
        raise
    except ValidationError as error:
        if unknown := unknown_fields(error):
            raise RecordTooNewError(by_newer(unknown)) from error
        first = error.errors()[0]
        raise UnreadableError(f"field {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        # from a migration of unexpected content
        raise UnreadableError(one_line(str(error)) or type(error).__name__) from error


def _plain(value: Any) -> Any:
    """Replace strings and numbers that strict JSON in UTF-8 cannot represent by text."""
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
