"""Rules of writing that several rooms share. Pure."""

import re
from typing import Annotated

from pydantic import AfterValidator


def one_line(text: str) -> str:
    """`text` without line breaks: what comes from outside (an error's message) may have several lines."""
    lines = text.splitlines()
    return text if lines == [text] else " ".join(line.strip() for line in lines if line.strip())


COMMAND = re.compile(r"^\s*:(?=:)|##(?=\[|vso\[|teamcity\[)", re.MULTILINE)
"""What a CI log takes for a command: ``::error::`` where a line starts, spaces apart, and ``##[error]`` anywhere
(GitHub: actions/runner, ActionCommand.cs), ``##vso[`` (Azure), ``##teamcity[``."""


def disarmed(text: str) -> str:
    """`text` with a space inside whatever a CI log would obey."""
    return COMMAND.sub(lambda found: f"{found[0]} ", text)


OneLine = Annotated[str, AfterValidator(one_line)]
"""A field of a value whose text is made one line."""


def counted(number: int, noun: str) -> str:
    """``1 cell``, ``3 cells``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def three_digits(value: float) -> str:
    """Three significant digits, or all of a larger number's: ``382``, ``25.9``, ``3.81``."""
    if value >= 99.95:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"
