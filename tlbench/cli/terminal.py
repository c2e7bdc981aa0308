"""The terminal: its width, and messages on stderr."""

import os
import shutil
import sys

import click

from tlbench.core.text import harmless
from tlbench.results.run_folder import RunFolder
from tlbench.session.folder import page

DEFAULT_WIDTH, LEAST_WIDTH = 100, 40
"""Columns if the terminal's are unknown, and the fewest columns that output is fitted to."""


def say(sentence: str) -> None:
    """Print a sentence on stderr."""
    click.echo(harmless(sentence), err=True)


def width() -> int | None:
    """The columns of the terminal that stdout is, or of COLUMNS; None for a file or a pipe without that variable.

    There, lines may have any length.
    """
    asked = os.environ.get("COLUMNS", "")
    if not is_terminal() and not (asked.isascii() and asked.isdigit() and int(asked)):
        return None
    return max(shutil.get_terminal_size((DEFAULT_WIDTH, 24)).columns, LEAST_WIDTH)


def is_terminal() -> bool:
    """Whether stdout is a terminal. It may also be closed."""
    return bool(sys.stdout and sys.stdout.isatty())


def say_page(folder: RunFolder) -> None:
    """Name the file of a run's report to open in a browser, if it is up to date."""
    if (file := page(folder)) is not None:
        say(f"Report: {file} (open it in a browser; the run's other files are beside it)")
