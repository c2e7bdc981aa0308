"""A JSON file of another program that has to hold a mapping."""

import json
from pathlib import Path
from typing import Any

from tlbench.core.errors import UserError


def read_mapping(file: Path, shown: str, way_out: str) -> dict[str, Any]:
    """What `file` holds. Raises UserError, with how the file is shown and the way out, where it is no mapping."""
    try:
        found = json.loads(file.read_bytes())
    except OSError as error:
        raise UserError(f"{shown} cannot be read ({error.strerror}); {way_out}") from error
    except ValueError as error:
        raise UserError(f"{shown} is no JSON ({error}); {way_out}") from error
    if not isinstance(found, dict):
        raise UserError(f"{shown} is no mapping; {way_out}")
    return found
