"""What commands say beside their results."""

import click

from tlbench.core.text import disarmed


def say(sentence: str) -> None:
    """A sentence on stderr."""
    click.echo(disarmed(sentence), err=True)
