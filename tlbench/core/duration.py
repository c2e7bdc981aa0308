"""Durations as people write and read them."""

import re

from tlbench.core.errors import UserError

UNITS = {"s": 1.0, "sec": 1.0, "second": 1.0, "min": 60.0, "minute": 60.0, "h": 3600.0, "hour": 3600.0, "day": 86400.0}
LONGEST = 366 * 86400.0


def parse_duration(text: str, name: str) -> float:
    """The seconds of a duration such as ``20 min``.

    Args:
        text: a number and a unit.
        name: the option or key it comes from, for the error message.

    Raises:
        UserError: the text is no duration, or not between 0 and `LONGEST` seconds.
    """
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)\s*([a-z]{1,8})", text.strip().lower(), re.ASCII)
    unit = match and (UNITS.get(match[2]) or UNITS.get(match[2].removesuffix("s")))
    if not match or not unit or not 0 < float(match[1]) * unit <= LONGEST:
        raise UserError(f"{name}: {text!r} is no span of time; write one as 90 s, 20 min or 8 h")
    return float(match[1]) * unit


def duration(seconds: float) -> str:
    """`seconds` for people: ``40 s``, ``12 min``, ``5.3 h``."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
