"""What commands say beside their results."""

import shutil
import sys

import click

from tlbench.core.text import disarmed
from tlbench.results.run_folder import RunFolder
from tlbench.session.folder import page

FALLBACK, NARROWEST = 100, 40
"""Columns of a terminal that does not say its own, and those below which nothing is made narrower."""


def say(sentence: str) -> None:
    """A sentence on stderr."""
    click.echo(disarmed(sentence), err=True)


def width() -> int | None:
    """Columns of the terminal that this prints to; None where it is none, as a file or a pipe, which any line fits."""
    return max(shutil.get_terminal_size((FALLBACK, 24)).columns, NARROWEST) if is_terminal() else None


def is_terminal() -> bool:
    """Whether somebody reads what this prints as it comes; nobody where standard output was closed."""
    return bool(sys.stdout and sys.stdout.isatty())


def say_page(folder: RunFolder) -> None:
    """Which file of a run's report to open. It has a dozen more, which lie beside it."""
    if (file := page(folder)) is not None:
        say(f"Report: {file} (a page to open in a browser; the run's other files lie beside it)")
