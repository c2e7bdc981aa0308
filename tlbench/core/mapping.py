"""Reading a JSON object from a file that another program wrote."""

import json
from pathlib import Path
from typing import Any

from tlbench.core.errors import UserError


def read_mapping(file: Path, shown: str, way_out: str) -> dict[str, Any]:
    """The JSON object in `file`.

    Args:
        file: the file to read.
        shown: how error messages name the file.
        way_out: what the user can do about it, at the end of error messages.

    Raises:
        UserError: the file cannot be read, is not JSON, or holds something else than an object.
    """
    try:
        content = json.loads(file.read_bytes())
    except OSError as error:
        raise UserError(f"{shown} cannot be read ({error.strerror}); {way_out}") from error
    except ValueError as error:
        raise UserError(f"{shown} is no JSON ({error}); {way_out}") from error
    if not isinstance(content, dict):
        raise UserError(f"{shown} is no mapping; {way_out}")
    return content
