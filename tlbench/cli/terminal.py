"""What commands say beside their results."""

import click

from tlbench.core.text import disarmed
from tlbench.results.run_folder import RunFolder
from tlbench.session.folder import page


def say(sentence: str) -> None:
    """A sentence on stderr."""
    click.echo(disarmed(sentence), err=True)


def say_page(folder: RunFolder) -> None:
    """Which file of a run's report to open. It has a dozen more, which lie beside it."""
    if (file := page(folder)) is not None:
        say(f"Report: {file} (a page to open in a browser; the run's other files lie beside it)")
