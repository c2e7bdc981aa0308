"""Formatting of text and numbers that several rooms share. Pure."""

import math
import re
from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator

DASH = "—"
"""What stands for a value that there is not."""


def one_line(text: str) -> str:
    """`text` on one line, for messages from elsewhere that may have several lines."""
    lines = text.splitlines()
    return text if lines == [text] else " ".join(line.strip() for line in lines if line.strip())


COMMAND = re.compile(r"^\s*:(?=:)|##(?=\[|vso\[|teamcity\[)", re.MULTILINE)
"""Text that CI systems run as a command when it is in a log.

GitHub: ``::error::`` at the start of a line, after any spaces, and ``##[error]`` anywhere (actions/runner,
ActionCommand.cs). Azure: ``##vso[``. TeamCity: ``##teamcity[``.
"""


def disarmed(text: str) -> str:
    """`text` with a space inserted into everything that a CI system would run as a command."""
    return COMMAND.sub(lambda found: f"{found[0]} ", text)


UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, which command a terminal, characters that turn the direction of text, and lone surrogates."""


def harmless(text: str) -> str:
    r"""`text` on one line, as it may be printed whatever names are in it.

    Control characters are shown, as ``\x1b``, and a space disarms what a CI system would run.
    """
    seen = UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), one_line(text))
    return disarmed(seen)


OneLine = Annotated[str, AfterValidator(one_line)]
"""The type of a pydantic field whose text is put on one line."""


def counted(number: int, noun: str) -> str:
    """A number with its noun in the singular or plural: ``1 cell``, ``3 cells``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def listed(words: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def first_of(words: Sequence[str], most: int, between: str = ", ") -> str:
    """At most `most` of some words, and how many more there are: ``a, b and 3 more``."""
    more = f" and {len(words) - most} more" if len(words) > most else ""
    return between.join(words[:most]) + more


def three_digits(value: float) -> str:
    """`value` to three significant digits, or to the unit where it is larger: ``3.81``, ``25.9``, ``382``, ``1234``."""
    if value >= 99.95:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"


def tenths(value: float) -> float:
    """`value` rounded to one digit, a half away from zero: 85.25 is 85.3 and 84.75 is 84.8.

    Python's own formatting rounds an exact half to the even digit, so that two accuracies of the same test images would
    be rounded in different directions.
    """
    if not math.isfinite(value * 10):
        return value
    rounded = math.floor(round(abs(value) * 10, 7) + 0.5) / 10  # a share times 100 is not always exact
    return math.copysign(rounded, value) + 0  # + 0: no -0.0


def percent(share: float) -> str:
    """A share of 1 in per cent with one digit: ``85.3%``."""
    return f"{tenths(share * 100):.1f}%"
