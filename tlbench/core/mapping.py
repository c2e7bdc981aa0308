"""Read a JSON object from a file that was not written by tlbench."""

from pathlib import Path
from typing import Any

from tlbench.core.errors import UserError
from tlbench.core.json_text import parse_json


def read_mapping(file: Path, shown: str, way_out: str) -> dict[str, Any]:
    """Read the JSON object in a file.

    Args:
        file: the file to read.
        shown: the name of the file in error messages.
        way_out: the end of error messages: what the user can do.

    Raises:
        UserError: the file cannot be read, is not JSON, or contains another value than an object.
    """
    try:
        content = parse_json(file.read_bytes())
    except OSError as error:
        raise UserError(f"{shown} cannot be read ({error.strerror}); {way_out}") from error
    except ValueError as error:
        raise UserError(f"{shown} is no JSON ({error}); {way_out}") from error
    if not isinstance(content, dict):
        raise UserError(f"{shown} is no mapping; {way_out}")
    return content
