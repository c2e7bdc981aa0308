"""Rules of writing that several rooms share. Pure."""

from typing import Annotated

from pydantic import AfterValidator


def one_line(text: str) -> str:
    """`text` without line breaks: what comes from outside (an error's message) may have several lines."""
    lines = text.splitlines()
    return text if lines == [text] else " ".join(line.strip() for line in lines if line.strip())


OneLine = Annotated[str, AfterValidator(one_line)]
"""A field of a value whose text is made one line."""


def three_digits(value: float) -> str:
    """Three significant digits, or all of a larger number's: ``382``, ``25.9``, ``3.81``."""
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
