"""Parse JSON that tlbench has not written. Pure."""

import json
from collections.abc import Iterable
from typing import Any

DEEPEST = 200
"""The most lists and mappings in each other. Code that follows them calls itself as often, and Python bounds that."""


def parse_json(text: str | bytes) -> Any:
    """Parse JSON. Raises ValueError if it is none, or has more than `DEEPEST` lists and mappings in each other."""
    too_deep = ValueError(f"more than {DEEPEST} lists and mappings are in each other")
    try:
        value = json.loads(text)
    except RecursionError as error:
        raise too_deep from error
    level = [value]
    for _ in range(DEEPEST + 1):
        level = [inner for one in level for inner in _inside(one)]
        if not level:
            return value
    raise too_deep


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
